import { isOciError, type OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseManifest } from "../spec/manifest.ts";
import { UPLOAD_AGE } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import type { Forgotten } from "../store/forget.ts";
import type { RepositoryUpkeep, StoredBlob } from "../store/upkeep.ts";
import { isReadFailure, Mark, type Unreadable } from "./mark.ts";
import { SideBySide } from "./side-by-side.ts";
import type { Throttle } from "./throttle.ts";

/** Removals at once, where the disk takes them so: most of each is waiting for the file system's journal. */
const TOGETHER = 16;
/** Manifests that are forgotten in one batch. */
const BATCH = 500;

/** Something that is removed, or with a dry run would be. */
export interface Removal {
  readonly type: "remove";
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface CollectOptions extends Signal {
  /** Milliseconds that content has to have rested to be removed. */
  readonly grace: number;
  /** Removes manifests that nothing names as well. */
  readonly untagged: boolean;
  readonly dryRun: boolean;
  readonly throttle: Throttle;
  readonly onEvent?: (event: Removal) => void;
}

/** What was done in one repository; with a dry run, what would be. */
export interface RepositoryReport {
  readonly name: string;
  /** Manifests that are kept. */
  readonly manifests: number;
  /** Blobs removed, manifests among them, and their bytes. */
  readonly removed: number;
  readonly bytes: number;
  /** Bytes that came back: those of blobs that no other repository shares. */
  readonly freed: number;
  /** Blobs found in the trash that came back: they are in use after all. */
  readonly restored: number;
  readonly uploads: number;
  readonly uploadBytes: number;
  /** Why nothing was removed, if so. */
  readonly unreadable: readonly Unreadable[];
}

/**
 * Removes what nothing in a repository leads to and nobody has used for the time of the grace.
 * Pushes go on meanwhile: whoever relies on a blob has touched it, which holds it for the grace.
 * Killed anywhere it leaves only more to remove, and what lies in the trash is looked at again.
 */
export async function collectRepository(
  repository: RepositoryUpkeep,
  options: CollectOptions,
): Promise<RepositoryReport> {
  return await new Collection(repository, options).run();
}

class Collection {
  readonly #repository: RepositoryUpkeep;
  readonly #options: CollectOptions;
  readonly #mark: Mark;
  /**
   * What was touched after this is young. It stands still while the marking goes on: a push that
   * touched a blob before has long ended when the first name is read.
   */
  readonly #horizon: number;
  #removed = 0;
  #bytes = 0;
  #freed = 0;
  #restored = 0;

  constructor(repository: RepositoryUpkeep, options: CollectOptions) {
    this.#repository = repository;
    this.#options = options;
    this.#horizon = Date.now() - options.grace;
    this.#mark = new Mark(repository, {
      throttle: options.throttle,
      upward: options.untagged,
      ...this.#signal(),
    });
  }

  async run(): Promise<RepositoryReport> {
    const { content, name } = this.#repository;
    const { dryRun } = this.#options;
    // First of all, since on a full disk the rest needs a little room.
    const { uploads, bytes } = await content.expireUploads(UPLOAD_AGE, { dryRun });
    await this.#markNames();
    let full: OciError | undefined;
    for (let before = -1; this.#removed > before;) {
      before = this.#removed;
      full = this.#mark.failed ? undefined : await this.#sweep();
      if (!this.#mark.failed && !dryRun) await this.#lookAgain();
      await this.#emptyTrash();
      if (full === undefined) break;
    }
    // As long as something comes back there is more to come.
    if (full !== undefined) throw full;
    return {
      name,
      manifests: this.#mark.manifests,
      removed: this.#removed,
      bytes: this.#bytes,
      freed: this.#freed,
      restored: this.#restored,
      uploads,
      uploadBytes: bytes,
      unreadable: this.#mark.unreadable,
    };
  }

  /** Called again it reads only what has come since. */
  async #markNames(): Promise<void> {
    try {
      if (this.#options.untagged) await this.#markTagged();
      else for await (const { descriptor } of this.#manifests()) await this.#mark.root(descriptor);
    } catch (error) {
      if (!isReadFailure(error)) throw error;
      this.#mark.fail(`The names cannot be read: ${error.message}`);
    }
  }

  /** Keeps what has a tag, with all that hangs on it, and what is too young to tell. */
  async #markTagged(): Promise<void> {
    const { names, content } = this.#repository;
    for await (const descriptor of names.tagged(this.#signal())) await this.#mark.root(descriptor);
    for await (const { descriptor, lists, foreign } of this.#manifests()) {
      await this.#options.throttle.take();
      if (foreign) await this.#mark.root(descriptor);
      if (this.#mark.kept.has(descriptor.digest)) continue;
      if (lists !== undefined) {
        // A list goes when nothing is left in it, and whoever empties it sees to that.
        this.#mark.kept.add(descriptor.digest);
        continue;
      }
      const found = await content.stat(descriptor.digest);
      if (found === undefined || this.#isYoung(found)) await this.#mark.root(descriptor);
    }
  }

  /** What is told when the trash, which needs room for names, could not take it all. */
  async #sweep(): Promise<OciError | undefined> {
    const { content } = this.#repository;
    for await (const blob of content.blobs(this.#signal())) {
      await this.#options.throttle.take();
      if (this.#isKept(blob)) continue;
      if (this.#options.dryRun) {
        this.#count(blob);
        continue;
      }
      try {
        await content.discard(blob.digest);
      } catch (error) {
        if (isOciError(error, "NO_SPACE")) return error;
        throw error;
      }
    }
    return undefined;
  }

  /** What was named since the marking is kept; what nothing names is forgotten before it is removed. */
  async #lookAgain(): Promise<void> {
    await this.#markNames();
    if (!this.#options.untagged || this.#mark.failed) return;
    let batch: Forgotten[] = [];
    for await (const manifest of this.#unnamed()) {
      const subject = await this.#subject(manifest);
      batch.push({ manifest, ...(subject === undefined ? {} : { subject }) });
      if (batch.length < BATCH) continue;
      await this.#forget(batch);
      batch = [];
    }
    if (batch.length > 0) await this.#forget(batch);
  }

  async *#unnamed(): AsyncGenerator<Descriptor, void, undefined> {
    const { names } = this.#repository;
    for await (const { descriptor, lists } of this.#manifests()) {
      await this.#options.throttle.take();
      if (lists === undefined) {
        if (!this.#mark.kept.has(descriptor.digest)) yield descriptor;
      } else if (!this.#mark.kept.has(lists)) {
        const subject = { ...descriptor, digest: lists };
        for await (const referrer of names.referrers(subject, this.#signal())) {
          if (!this.#mark.kept.has(referrer.digest)) yield referrer;
        }
      }
    }
  }

  /** A damaged manifest has none that anybody could know. */
  async #subject(manifest: Descriptor): Promise<Descriptor | undefined> {
    try {
      const bytes = await this.#repository.content.manifest(manifest.digest, this.#signal());
      return bytes && parseManifest(bytes, manifest.mediaType).subject;
    } catch (error) {
      if (isOciError(error)) return undefined;
      throw error;
    }
  }

  async #forget(manifests: readonly Forgotten[]): Promise<void> {
    const tagged = await this.#repository.names.forget(manifests, this.#signal());
    for (const { manifest } of tagged) await this.#mark.root(manifest);
  }

  async #emptyTrash(): Promise<void> {
    const { content } = this.#repository;
    const { dryRun } = this.#options;
    const removals = new SideBySide(TOGETHER);
    try {
      for await (const blob of content.trashed(this.#signal())) {
        await this.#options.throttle.take();
        // A touch that came before the blob was taken away shows in its time.
        if (this.#mark.failed || this.#isKept(blob)) {
          this.#restored += 1;
          if (!dryRun) await content.restore(blob.digest);
          continue;
        }
        await removals.add(async () => {
          if (dryRun || (await content.remove(blob.digest))) this.#count(blob);
        });
      }
    } finally {
      await removals.settle();
    }
  }

  #isKept(blob: StoredBlob): boolean {
    return this.#isYoung(blob) || this.#mark.kept.has(blob.digest);
  }

  /** A time in the future is young as well. */
  #isYoung(blob: StoredBlob): boolean {
    return blob.touchedAt > this.#horizon;
  }

  #count({ digest, size, shared }: StoredBlob): void {
    this.#removed += 1;
    this.#bytes += size;
    if (!shared) this.#freed += size;
    this.#options.onEvent?.({ type: "remove", repository: this.#repository.name, digest, size });
  }

  #manifests(): ReturnType<RepositoryUpkeep["names"]["manifests"]> {
    return this.#repository.names.manifests(this.#signal());
  }

  #signal(): Signal {
    return this.#options.signal ? { signal: this.#options.signal } : {};
  }
}
