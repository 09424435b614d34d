import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Signal } from "./content.ts";
import type { Forgotten } from "./forget.ts";

/** A blob as it lies in a repository, or in its trash. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Milliseconds since 1970: when it came, or when somebody last said that it is in use. */
  readonly touchedAt: number;
  /** Other names, here or in other repositories, keep its bytes on the disk. */
  readonly shared: boolean;
}

/** What is found of a blob that is read to its end. */
export type Verdict = "whole" | "damaged" | "gone" | "unknown-algorithm";

/** A blob that was read to its end. */
export interface Checked {
  readonly verdict: Verdict;
  /** Bytes read. */
  readonly size: number;
}

/** Uploads that were thrown away. */
export interface Expired {
  readonly uploads: number;
  readonly bytes: number;
}

/** The bytes of a repository, as those see them who keep it in order. */
export interface ContentUpkeep {
  /** Every blob of an algorithm that can be computed, in no order. */
  blobs(options?: Signal): AsyncIterable<StoredBlob>;
  /** A blob, also one in the trash. */
  stat(digest: Digest): Promise<StoredBlob | undefined>;
  /** The digests of all that lies where blobs lie, whatever it is, in no order. */
  entries(options?: Signal): AsyncIterable<Digest>;
  /**
   * The bytes of a manifest, from the trash where they lie there. Undefined: not here, and not set aside as damaged.
   * @throws OciError CONTENT_DAMAGED, LIMIT_EXCEEDED, DIGEST_INVALID, IO when they are here and cannot be trusted
   */
  manifest(digest: Digest, options?: Signal): Promise<Uint8Array | undefined>;
  /** What garbage collection has taken away and not yet removed. */
  trashed(options?: Signal): AsyncIterable<StoredBlob>;
  /** Moves a blob to the trash, where a lease cannot reach it any more; false: it was gone. */
  discard(digest: Digest): Promise<boolean>;
  /** Moves it back, unless it came again meanwhile. */
  restore(digest: Digest): Promise<void>;
  /** Removes it from the trash for good; false: it was gone. */
  remove(digest: Digest): Promise<boolean>;
  /** Throws uploads away that are older than so many milliseconds and that no live process holds. */
  expireUploads(age: number, options: { readonly dryRun: boolean }): Promise<Expired>;
  /** Reads and hashes a blob. One that is damaged is set aside: it is not there any more, so that a push repairs it. */
  check(digest: Digest, options?: Signal): Promise<Checked>;
}

/** A manifest that the names know. */
export interface ListedManifest {
  readonly descriptor: Descriptor;
  /** Another tool has listed it, and the names do not know it for their own yet: it stays. */
  readonly foreign?: boolean;
  /** It is a list of the referrers of this manifest and nothing else, kept for tools that look for one. */
  readonly lists?: Digest;
}

/** The names of a repository, as those see them who keep it in order. */
export interface NamesUpkeep {
  /** Every manifest that is one by a name, an entry or a row, each at least once. */
  manifests(options?: Signal): AsyncIterable<ListedManifest>;
  /** Whether a digest is certain to be a manifest here, now. */
  has(digest: Digest): Promise<boolean>;
  /** Those that a tag names. */
  tagged(options?: Signal): AsyncIterable<Descriptor>;
  /** What hangs on a manifest. */
  referrers(subject: Descriptor, options?: Signal): AsyncIterable<Descriptor>;
  /** Forgets manifests as long as no tag names them; answers those that it did not forget. */
  forget(manifests: readonly Forgotten[], options?: Signal): Promise<readonly Forgotten[]>;
}

/** One repository, as those see it who keep it in order. */
export interface RepositoryUpkeep {
  /** Its name; that of the directory where it is a layout on its own. */
  readonly name: string;
  readonly content: ContentUpkeep;
  readonly names: NamesUpkeep;
}

/** A layout or a root of many repositories, as garbage collection and scrub see it. */
export interface Upkeep extends AsyncDisposable {
  /** In ASCII order of their names. */
  repositories(options?: Signal & { readonly after?: string }): AsyncIterable<RepositoryUpkeep>;
  /** A small document that outlives the process; undefined when there is none that can be read. */
  recall(name: string): Promise<JsonObject | undefined>;
  record(name: string, document: JsonObject): Promise<void>;
  /**
   * Runs work of which there is one at a time, whoever starts it.
   * @throws OciError LOCKED when another process is at it until the timeout, in milliseconds
   */
  alone<T>(name: string, work: () => Promise<T>, options?: Signal & { readonly timeout?: number }): Promise<T>;
}
