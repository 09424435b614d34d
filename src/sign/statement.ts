import { OciError } from "../error/oci-error.ts";
import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";
import { encodeJson, type JsonValue, shownJson } from "../spec/json.ts";
import { malformed, optionalTexts, parseObject, requireArray, requireObject, requireText } from "./signed-json.ts";

/** One thing that a statement speaks of. */
export interface StatementSubject {
  readonly name?: string;
  /** Algorithm to hex. */
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An in-toto statement: a predicate about some subjects. */
export interface Statement {
  readonly type: (typeof STATEMENT_TYPES)[number];
  readonly subject: readonly StatementSubject[];
  readonly predicateType: string;
  readonly predicate: JsonValue;
}

/** The first is in wide use, and what cosign writes for attestations; the second is the newest. */
export const STATEMENT_TYPES = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"] as const;

/** The predicate type under which cosign 3 signs images. */
export const SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** cosign's short names. */
export const PREDICATE_TYPES: Readonly<Record<string, string>> = {
  custom: "https://cosign.sigstore.dev/attestation/v1",
  slsaprovenance: "https://slsa.dev/provenance/v0.2",
  slsaprovenance02: "https://slsa.dev/provenance/v0.2",
  slsaprovenance1: "https://slsa.dev/provenance/v1",
  spdx: "https://spdx.dev/Document",
  spdxjson: "https://spdx.dev/Document",
  cyclonedx: "https://cyclonedx.org/bom",
  link: "https://in-toto.io/Link/v1",
  vuln: "https://cosign.sigstore.dev/attestation/vuln/v1",
  openvex: "https://openvex.dev/ns",
};

const WHAT = "in-toto statement";
/** Subjects of one statement. */
const MAX_SUBJECTS = 10_000;

/**
 * The predicate type that a short name or a URI means.
 * @throws OciError USAGE
 */
export function predicateTypeOf(text: string): string {
  const known = Object.hasOwn(PREDICATE_TYPES, text) ? PREDICATE_TYPES[text] : undefined;
  if (known !== undefined) return known;
  if (/^[a-z][a-z0-9+.-]*:\S+$/i.test(text) && text.length <= 2048) return text;
  throw new OciError("USAGE", `Invalid predicate type ${shownJson(text)}: expected a URI or a short name`, {
    hint: `One of: ${Object.keys(PREDICATE_TYPES).join(", ")}, or a URI such as https://example.com/tested/v1`,
  });
}

export function encodeStatement({ type, subject, predicateType, predicate }: Statement): Uint8Array {
  return encodeJson({ _type: type, subject, predicateType, predicate });
}

/** @throws OciError MANIFEST_INVALID */
export function parseStatement(bytes: Uint8Array): Statement {
  const document = parseObject(bytes, WHAT);
  const written = requireText(document["_type"], WHAT, "_type");
  const type = STATEMENT_TYPES.find((known) => known === written);
  if (type === undefined)
    throw malformed(WHAT, `_type is ${shownJson(written)}, expected ${STATEMENT_TYPES.join(" or ")}`);
  const listed = requireArray(document["subject"], WHAT, "subject");
  if (listed.length === 0 || listed.length > MAX_SUBJECTS) {
    throw malformed(WHAT, `it has ${listed.length} subjects, expected 1 to ${MAX_SUBJECTS}`);
  }
  const predicateType = requireText(document["predicateType"], WHAT, "predicateType");
  if (predicateType === "") throw malformed(WHAT, "predicateType is empty");
  return { type, subject: listed.map(parseSubject), predicateType, predicate: document["predicate"] ?? null };
}

function parseSubject(value: JsonValue, at: number): StatementSubject {
  const object = requireObject(value, WHAT, `subject[${at}]`);
  const { name } = object;
  const digest = optionalTexts(object["digest"], WHAT, `subject[${at}].digest`);
  if (Object.keys(digest).length === 0) throw malformed(WHAT, `subject[${at}].digest is empty`);
  return {
    ...(typeof name === "string" ? { name } : {}),
    digest,
    annotations: optionalTexts(object["annotations"], WHAT, `subject[${at}].annotations`),
  };
}

/** The subject of a statement that is a manifest, if there is one. */
export function subjectWith({ subject }: Pick<Statement, "subject">, digest: Digest): StatementSubject | undefined {
  const [algorithm, encoded] = [algorithmOf(digest), encodedOf(digest)];
  return subject.find((each) => Object.hasOwn(each.digest, algorithm) && each.digest[algorithm] === encoded);
}
