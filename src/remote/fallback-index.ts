import { digestOf } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { encodeJson, isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { fallbackTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { ReferrersChange } from "../store/store.ts";
import type { FetchedManifest, Manifests } from "./manifests.ts";
import type { RepositoryApi } from "./repository-api.ts";
import { pause } from "./retry.ts";

/** How often a list that somebody else wrote over is written again. */
const ATTEMPTS = 8;
/** Milliseconds before a written list is looked at: longer than another writer needs from reading to writing. */
const SETTLE = 150;

interface FallbackList {
  readonly descriptors: readonly Descriptor[];
  readonly document: JsonObject;
  readonly digest: Digest;
}

/**
 * The list of a subject's referrers under its fallback tag (distribution-spec, "Referrers Tag
 * Schema"). Writing is read, merge, write and look again, since most registries have no
 * compare-and-swap: a list that lost our change meanwhile is merged and written anew.
 */
export class FallbackIndex {
  readonly #api: RepositoryApi;
  readonly #manifests: Manifests;

  constructor(api: RepositoryApi, manifests: Manifests) {
    this.#api = api;
    this.#manifests = manifests;
  }

  /** Undefined where there is none; something under the tag that is no index counts as none. */
  async read(subject: Descriptor, options: Signal): Promise<FallbackList | undefined> {
    const found = await this.#manifests.get({ tag: fallbackTag(subject.digest) }, options);
    if (!found || found.mediaType !== MediaType.ImageIndex || found.descriptor.digest === subject.digest)
      return undefined;
    return listOf(found);
  }

  /**
   * Merges one subject's changes into its list.
   * @throws OciError MANIFEST_INVALID when the tag holds something else, CONFLICT when others keep writing over it
   */
  async write(change: ReferrersChange, options: Signal): Promise<void> {
    const tag = fallbackTag(change.subject.digest);
    const key = `${this.#api.name} ${tag}`;
    await this.#api.host.quirks.inTurn(key, async () => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const written = await this.#merge(change, tag, options);
        if (!written) return;
        await pause(SETTLE * (1 + Math.random() * attempt), options.signal);
        const now = await this.#forWriting(change.subject, tag, options);
        if (now && holds(now, change)) return;
      }
      throw new OciError(
        "CONFLICT",
        `Others keep writing over ${tag} in ${this.#api.label}, ${ATTEMPTS} tries were lost`,
        {
          reference: tag,
        },
      );
    });
  }

  /** Writes the merged list; false when there was nothing to change. */
  async #merge(change: ReferrersChange, tag: string, options: Signal): Promise<boolean> {
    const current = await this.#forWriting(change.subject, tag, options);
    if (current ? holds(current, change) : change.add.length === 0) return false;
    const bytes = encodeJson(merged(current, change));
    const descriptor: Descriptor = { mediaType: MediaType.ImageIndex, digest: digestOf(bytes), size: bytes.length };
    await this.#manifests.put({ reference: tag, descriptor, bytes }, options);
    this.#api.host.onEvent?.({ type: "fallback-tag", tag, repository: this.#api.name });
    return true;
  }

  /** Stops before anything that is not a list of referrers would be written over. */
  async #forWriting(subject: Descriptor, tag: string, options: Signal): Promise<FallbackList | undefined> {
    const found = await this.#manifests.get({ tag }, options);
    if (!found) return undefined;
    const self = found.descriptor.digest === subject.digest;
    if (self || found.mediaType !== MediaType.ImageIndex) {
      const what = self ? "the subject itself" : `a ${found.mediaType}`;
      throw new OciError(
        "MANIFEST_INVALID",
        `Tag ${tag} in ${this.#api.label} should list referrers, but it is ${what}`,
        {
          reference: tag,
          digest: subject.digest,
          hint: "Nothing was written over it; look at it with: berth manifest get",
        },
      );
    }
    return listOf(found);
  }
}

function listOf(found: FetchedManifest): FallbackList {
  const manifest = parseManifest(found.bytes, MediaType.ImageIndex);
  const document = parseJson(found.bytes, "list of referrers");
  if (manifest.form !== "index" || !isJsonObject(document)) {
    throw new OciError("MANIFEST_INVALID", "The list of referrers is not an index");
  }
  return { descriptors: manifest.manifests, document, digest: found.descriptor.digest };
}

function holds(list: FallbackList, change: ReferrersChange): boolean {
  const present = new Set<string>(list.descriptors.map((descriptor) => descriptor.digest));
  return change.add.every(({ digest }) => present.has(digest)) && change.remove.every((digest) => !present.has(digest));
}

/** Foreign entries and unknown fields stay as they are. */
function merged(current: FallbackList | undefined, change: ReferrersChange): JsonObject {
  const removed = new Set<string>(change.remove);
  const entries = current?.document["manifests"];
  const kept = (Array.isArray(entries) ? entries : []).filter(
    (entry) => isJsonObject(entry) && typeof entry["digest"] === "string" && !removed.has(entry["digest"]),
  ) as JsonObject[];
  const present = new Set(kept.map((entry) => entry["digest"]));
  const added = change.add.filter(({ digest }) => !present.has(digest)) as readonly object[] as readonly JsonObject[];
  const base = current?.document ?? { schemaVersion: 2, mediaType: MediaType.ImageIndex };
  return { ...base, manifests: [...kept, ...added] };
}
