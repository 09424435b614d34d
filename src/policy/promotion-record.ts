import { OciError } from "../error/oci-error.ts";
import { algorithmOf, type Digest, encodedOf, isDigest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { isTag } from "../spec/name.ts";
import type { Place } from "./match.ts";

/** The predicate type of a promotion's record, an in-toto statement about the manifest that was promoted. */
export const PROMOTION_PREDICATE = "https://berth.dev/attestation/promotion/v1";

/** A tag that a promotion moved. */
export interface PromotedTag {
  readonly name: string;
  /** What it pointed at before; null: there was none. */
  readonly previous: Digest | null;
}

/** What was promoted, from where to where, under which policy, by whom and when. */
export interface PromotionRecord {
  /** RFC 3339. */
  readonly promotedAt: string;
  readonly source: string;
  readonly target: { readonly repository: string; readonly registry?: string };
  readonly tags: readonly PromotedTag[];
  readonly policy: Digest;
  /** The rules that allowed it. */
  readonly rules: readonly string[];
  /** How whoever signs it calls themself; the signature alone proves who that was. */
  readonly by: Readonly<Record<string, string>>;
}

/** Where tags moved, as records have it. */
export function encodeTarget({ repository, registry }: PromotionRecord["target"]): JsonObject {
  return { repository, ...(registry === undefined ? {} : { registry }) };
}

export function encodeRecord(record: PromotionRecord): JsonObject {
  const { promotedAt, source, target, tags, policy, rules, by } = record;
  return {
    promotedAt,
    by,
    source: { reference: source },
    target: encodeTarget(target),
    tags: tags.map(({ name, previous }) => ({ name, previous })),
    policy: { digest: { [algorithmOf(policy)]: encodedOf(policy) }, rules },
  };
}

/** @throws OciError MANIFEST_INVALID */
export function parseRecord(predicate: JsonValue): PromotionRecord {
  const object = objectAt(predicate, "it");
  const target = objectAt(object["target"], "target");
  const policy = objectAt(objectAt(object["policy"], "policy")["digest"], "policy.digest");
  const source = objectAt(object["source"], "source");
  const by = objectAt(object["by"], "by");
  const rules = objectAt(object["policy"], "policy")["rules"];
  const { registry } = target;
  const [algorithm, encoded] = Object.entries(policy)[0] ?? [];
  const digest = `${algorithm ?? ""}:${textAt(encoded, "policy.digest")}`;
  if (!isDigest(digest)) throw wrongRecord("policy.digest must be a digest");
  return {
    promotedAt: momentAt(object["promotedAt"]),
    source: textAt(source["reference"], "source.reference"),
    target: {
      repository: textAt(target["repository"], "target.repository"),
      ...(registry === undefined ? {} : { registry: textAt(registry, "target.registry") }),
    },
    tags: listAt(object["tags"], "tags").map(tagIn),
    policy: digest,
    rules: listAt(rules, "policy.rules").map((rule) => textAt(rule, "policy.rules")),
    by: Object.fromEntries(Object.entries(by).map(([key, value]) => [key, textAt(value, `by.${key}`)])),
  };
}

function wrongRecord(problem: string): OciError {
  return new OciError("MANIFEST_INVALID", `Invalid promotion record: ${problem}`);
}

function objectAt(value: JsonValue | undefined, where: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw wrongRecord(`${where} must be an object`);
}

function listAt(value: JsonValue | undefined, where: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  throw wrongRecord(`${where} must be an array`);
}

function textAt(value: JsonValue | undefined, where: string): string {
  if (typeof value === "string") return value;
  throw wrongRecord(`${where} must be a text`);
}

function momentAt(value: JsonValue | undefined): string {
  const text = textAt(value, "promotedAt");
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw wrongRecord("promotedAt must be a moment, in UTC");
}

function tagIn(value: JsonValue): PromotedTag {
  const tag = objectAt(value, "a tag");
  const name = textAt(tag["name"], "tags[].name");
  const { previous } = tag;
  if (!isTag(name)) throw wrongRecord("tags[].name must be a tag");
  if (previous === null) return { name, previous };
  const digest = textAt(previous, "tags[].previous");
  if (isDigest(digest)) return { name, previous: digest };
  throw wrongRecord("tags[].previous must be a digest or null");
}

export function isSamePlace(one: PromotionRecord["target"], other: Pick<Place, "repository" | "registry">): boolean {
  return one.repository === other.repository && one.registry === other.registry;
}
