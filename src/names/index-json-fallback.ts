import type { Descriptor } from "../spec/descriptor.ts";
import { type Digest, isDigest } from "../spec/digest.ts";
import { encodeJson, isJsonObject, type JsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { layoutEntry } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import { isIndexType, MediaType } from "../spec/media-type.ts";
import { fallbackTag } from "../spec/referrer.ts";
import type { ManifestBytes } from "./index-json-facts.ts";

/** The part of an index being changed that fallback tags need. */
export interface FallbackEdit {
  named(tag: string): { readonly descriptor: Descriptor } | undefined;
  setTag(tag: string, target: Descriptor): void;
  removeTag(tag: string): void;
  has(digest: Digest): boolean;
}

/** Referrers that come to and go from one subject's fallback index. */
interface Pending {
  readonly add: Map<Digest, Descriptor>;
  readonly remove: Set<Digest>;
}

/**
 * The indexes under `<algorithm>-<hex>` tags in which some tools look for referrers
 * (distribution-spec, "Referrers Tag Schema"), changed once per batch.
 */
export class FallbackIndexes {
  readonly #bytes: ManifestBytes;
  readonly #pending = new Map<Digest, Pending>();
  readonly #outdated: Digest[] = [];

  constructor(bytes: ManifestBytes) {
    this.#bytes = bytes;
  }

  add(subject: Digest, referrer: Descriptor): void {
    const { add, remove } = this.#of(subject);
    remove.delete(referrer.digest);
    add.set(referrer.digest, referrer);
  }

  remove(subject: Digest, referrer: Digest): void {
    const { add, remove } = this.#of(subject);
    add.delete(referrer);
    remove.add(referrer);
  }

  /** Writes the new indexes and points their tags at them. */
  async apply(edit: FallbackEdit): Promise<void> {
    for (const [subject, pending] of this.#pending) await this.#applyTo(subject, pending, edit);
  }

  /** Removes the indexes that were replaced, once nothing durable names them. */
  async discardOutdated(edit: FallbackEdit): Promise<void> {
    for (const digest of this.#outdated) {
      if (!edit.has(digest)) await this.#bytes.discard(digest);
    }
  }

  async #applyTo(subject: Digest, pending: Pending, edit: FallbackEdit): Promise<void> {
    const tag = fallbackTag(subject);
    const before = edit.named(tag)?.descriptor;
    // Somebody's own manifest under such a tag stays; the entries of index.json list the referrers as well.
    if (before && !isIndexType(before.mediaType)) return;
    const document = before && (await this.#document(before.digest));
    const old = listOf(document);
    const kept = old.filter((item) => !pending.remove.has(item.digest));
    const known = new Set(kept.map((item) => item.digest));
    const fresh = [...pending.add.values()].filter((item) => !known.has(item.digest));
    if (document && fresh.length === 0 && kept.length === old.length) return;
    const manifests = [...kept.map((item) => item.json), ...fresh.map((item) => layoutEntry(item).json)];
    if (manifests.length === 0) {
      if (before) this.#outdated.push(before.digest);
      edit.removeTag(tag);
      return;
    }
    const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.ImageIndex, ...document, manifests });
    // More than a manifest can hold: the entries of index.json are the whole list then.
    if (bytes.length > Limits.manifest) return;
    const written = await this.#bytes.write(bytes, MediaType.ImageIndex);
    edit.setTag(tag, written);
    if (before && before.digest !== written.digest) this.#outdated.push(before.digest);
  }

  /** The index as it is; undefined when it is lost or no index. */
  async #document(digest: Digest): Promise<JsonObject | undefined> {
    const bytes = await this.#bytes.read(digest);
    if (bytes === undefined) return undefined;
    try {
      const document: JsonValue = parseJson(bytes, "referrers index");
      return isJsonObject(document) ? document : undefined;
    } catch {
      return undefined;
    }
  }

  #of(subject: Digest): Pending {
    const found = this.#pending.get(subject) ?? { add: new Map<Digest, Descriptor>(), remove: new Set<Digest>() };
    this.#pending.set(subject, found);
    return found;
  }
}

interface ListedReferrer {
  readonly digest: Digest;
  readonly json: JsonObject;
}

/** What an index lists; items without a digest are dropped. */
function listOf(document: JsonObject | undefined): readonly ListedReferrer[] {
  const manifests = document?.["manifests"];
  if (!Array.isArray(manifests)) return [];
  return (manifests as readonly JsonValue[]).flatMap((json) => {
    const digest = isJsonObject(json) ? json["digest"] : undefined;
    return isJsonObject(json) && typeof digest === "string" && isDigest(digest) ? [{ digest, json }] : [];
  });
}
