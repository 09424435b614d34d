import { digestOf } from "../bytes/hash.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { encodeJson, isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { fallbackTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { ReferrersChange } from "../store/store.ts";
import { onceOnMachine } from "./machine-lock.ts";
import type { FetchedManifest, Manifests } from "./manifests.ts";
import type { RepositoryApi } from "./repository-api.ts";
import { isPassing } from "./network-error.ts";
import { isRetryableStatus, pause } from "./retry.ts";

/** How often a list that somebody else wrote over is written again. */
const ATTEMPTS = 30;
/** Milliseconds: a written list is looked at again after at least so long, and one that was read longer ago is read anew. */
const SETTLE = 150;
/** How many times as long as this writer took from reading to having written: others on a busy registry take as long. */
const PATIENCE = 3;
/** Milliseconds that are waited at most before looking again. */
const LONGEST = 5000;
/** Times that a list is read anew because this process was held up. */
const REREADS = 5;

interface FallbackList {
  readonly descriptors: readonly Descriptor[];
  readonly document: JsonObject;
  readonly digest: Digest;
  readonly etag: string | undefined;
}

/** What one go at a list came to. */
type Written =
  /** There was nothing to change. */
  | { readonly outcome: "held" }
  /** Somebody else was first, or the registry had no time for it. */
  | { readonly outcome: "lost"; readonly error: OciError }
  /** Milliseconds from reading to having written; the registry compared where it says so. */
  | { readonly outcome: "written"; readonly took: number; readonly digest: Digest };

/**
 * The list of a subject's referrers under its fallback tag (distribution-spec, "Referrers Tag
 * Schema"). Writing is read, merge, write and look again, since most registries have no
 * compare-and-swap: a list that lost our change meanwhile is merged and written anew. Whoever read
 * before us and writes after us undoes our change without knowing; so nobody writes what it read
 * long ago, nothing is sent twice, and one looks again only when the slowest should be done. The
 * processes of one machine, which it can hold up for seconds, take turns besides.
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
    await this.#api.host.quirks.inTurn(key, () => this.#write(change, tag, options));
  }

  async #write(change: ReferrersChange, tag: string, options: Signal): Promise<void> {
    let failures = 0;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const key = `${this.#api.host.origin.origin} ${this.#api.name} ${tag}`;
      const written = await onceOnMachine(key, () => this.#merge(change, tag, options), options);
      if (written.outcome === "held") return;
      if (written.outcome === "written" && (await this.#stays(change, written, { tag, attempt }, options))) return;
      if (written.outcome === "lost" && written.error.code !== "CONFLICT") failures += 1;
      if (written.outcome === "lost" && failures > this.#api.host.retryPolicy.retries) throw written.error;
      // Those who lost together shall not come back together.
      const took = written.outcome === "written" ? written.took : 0;
      const room = Math.max(SETTLE, took) * 2 ** Math.min(attempt, 4);
      await pause(Math.random() * Math.min(room, LONGEST), options.signal);
    }
    throw new OciError(
      "CONFLICT",
      `Others keep writing over ${tag} in ${this.#api.label}, ${ATTEMPTS} tries were lost`,
      { reference: tag },
    );
  }

  /** Looks again; twice where others are at it too. */
  async #stays(
    change: ReferrersChange,
    written: Written & { outcome: "written" },
    { tag, attempt }: { readonly tag: string; readonly attempt: number },
    options: Signal,
  ): Promise<boolean> {
    const wait = Math.min(Math.max(SETTLE, PATIENCE * written.took), LONGEST);
    let looks = attempt > 1 ? 2 : 1;
    for (let look = 1; look <= looks; look += 1) {
      await pause(wait * (1 + Math.random() * 0.5), options.signal);
      const now = await this.#forWriting(change.subject, tag, options);
      if (!now || !holds(now, change)) return false;
      if (now.digest !== written.digest) looks = 2;
    }
    return true;
  }

  /** Writes the merged list. */
  async #merge(change: ReferrersChange, tag: string, options: Signal): Promise<Written> {
    for (let reread = 0; ; reread += 1) {
      const started = performance.now();
      const current = await this.#forWriting(change.subject, tag, options);
      if (current ? holds(current, change) : change.add.length === 0) return { outcome: "held" };
      const bytes = encodeJson(merged(current, change));
      const descriptor: Descriptor = { mediaType: MediaType.ImageIndex, digest: digestOf(bytes), size: bytes.length };
      const late = performance.now() - started > SETTLE && reread < REREADS;
      if (late) continue;
      // Registries that do not compare ignore it; the others make the race impossible.
      const condition = current ? current.etag && { "if-match": current.etag } : { "if-none-match": "*" };
      try {
        await this.#manifests.put(
          { reference: tag, descriptor, bytes, retry: false, ...(condition ? { headers: condition } : {}) },
          options,
        );
      } catch (error) {
        if (isOciError(error) && mayBeOver(error)) return { outcome: "lost", error };
        throw error;
      }
      this.#api.host.onEvent?.({ type: "fallback-tag", tag, repository: this.#api.name });
      return { outcome: "written", took: performance.now() - started, digest: descriptor.digest };
    }
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
  return { descriptors: manifest.manifests, document, digest: found.descriptor.digest, etag: found.etag };
}

/** Somebody else was first (412), or the registry is busy: what happened is seen by reading again. */
function mayBeOver(error: OciError): boolean {
  const { status } = error.context;
  return isPassing(error) || error.code === "CONFLICT" || (status !== undefined && isRetryableStatus(status));
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
