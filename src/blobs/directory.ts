import { join, sep } from "node:path";
import type { Disk, DiskFile, EntryStat, Glance } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { discard } from "../disk/small-file.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Digester } from "../bytes/hash.ts";
import { type Algorithm, algorithmOf, type Digest, encodedOf, isDigest } from "../spec/digest.ts";
import type { Blobs, BlobStat, LeaseOption, Upload } from "../store/blobs.ts";
import type { Content, Range, Signal } from "../store/content.ts";
import { FileContent } from "./directory-content.ts";
import { spanOf } from "./file-span.ts";
import { linkBlob } from "./directory-link.ts";
import { RECLAIM_AGE, type StagedFile, Staging } from "./directory-staging.ts";
import { DirectorySyncs } from "./directory-syncs.ts";
import { DirectoryUpload, type UploadOwner } from "./directory-upload.ts";

export interface DirectoryOptions {
  readonly disk?: Disk;
  /** Called before anything is written; makes the directory what it has to be, or refuses. */
  readonly prepare?: () => Promise<void>;
  /** Changes nothing at all, also not the times of files. */
  readonly readOnly?: boolean;
  /** Makes room on a full disk; false: nothing could be given up. By default abandoned uploads of this directory go. */
  readonly reclaim?: () => Promise<boolean>;
  /** Milliseconds after which a lease is renewed: a small part of the grace of garbage collection. A quarter of an hour by default. */
  readonly leaseAge?: number;
}

/** Milliseconds, for the grace of an hour. */
const LEASE_AGE = 15 * 60 * 1000;
/** Milliseconds for which the time of the last write says well enough when a blob came. */
const FRESH = 1000;

/** A blob as it lies on the disk. */
export interface ListedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly touchedAt: Date;
}

/** Blobs as files: `blobs/<algorithm>/<encoded>` under a root (image-spec image-layout.md, "Blobs"). */
export class DirectoryBlobs implements Blobs, UploadOwner {
  readonly disk: Disk;
  readonly staging: Staging;
  readonly #root: string;
  readonly #blobs: string;
  readonly #prepare: (() => Promise<void>) | undefined;
  readonly #leaseAge: number;
  readonly #makeRoom: () => Promise<boolean>;
  #reclaiming: Promise<boolean> | undefined;
  readonly #syncs: DirectorySyncs;
  /** Algorithms whose directory was seen to be one. */
  readonly #seen = new Set<string>();
  /** Algorithms whose directory was made durable by this process. */
  readonly #ready = new Map<string, Promise<void>>();

  constructor(root: string, options: DirectoryOptions = {}) {
    this.disk = options.disk ?? nodeDisk;
    this.#root = root;
    this.#blobs = join(root, "blobs");
    this.#prepare = options.prepare;
    this.#leaseAge = options.readOnly ? Number.POSITIVE_INFINITY : (options.leaseAge ?? LEASE_AGE);
    this.#makeRoom = options.reclaim ?? (() => this.#expireOwn());
    this.staging = new Staging(this.disk, join(root, ".berth"));
    this.#syncs = new DirectorySyncs(this.disk);
  }

  path(digest: Digest): string {
    // By hand: every request that reads asks for it.
    return `${this.#directory(algorithmOf(digest))}${sep}${encodedOf(digest)}`;
  }

  async stat(digest: Digest, options: LeaseOption = {}): Promise<BlobStat | undefined> {
    const found = await this.#look(digest);
    if (found === undefined) return undefined;
    if (options.lease && !(await this.#lease(digest, found))) return undefined;
    // Two changes within a tick of the file system's clock have one time.
    const settled = Math.abs(Date.now() - found.changed) > FRESH;
    return { size: found.size, ...(settled ? { stamp: found.changed } : {}) };
  }

  /** @throws OciError CONTENT_DAMAGED when something lies there that is no regular file */
  async #look(digest: Digest): Promise<Glance | undefined> {
    const algorithm = algorithmOf(digest);
    if (!this.#seen.has(algorithm) && !(await this.#seeDirectory(algorithm))) return undefined;
    const found = this.disk.look(this.path(digest));
    if (found) requireRegular(found, digest);
    return found;
  }

  /** By path, so that what garbage collection has just taken away is not there; false then. */
  async #lease(digest: Digest, found: Glance): Promise<boolean> {
    return ageOf(found) < this.#leaseAge || (await this.disk.touch(this.path(digest)));
  }

  /** @throws OciError CONTENT_DAMAGED when something lies there that is no regular file */
  async lstat(digest: Digest): Promise<EntryStat | undefined> {
    if (!(await this.#seeDirectory(algorithmOf(digest)))) return undefined;
    const found = await this.disk.lstat(this.path(digest));
    if (found) requireRegular(found, digest);
    return found;
  }

  async open(digest: Digest, options: { readonly range?: Range } & Signal = {}): Promise<Content> {
    const { file, stat } = await this.openFile(digest);
    try {
      return new FileContent(file, stat.size, spanOf(options.range, stat.size, digest), options.signal);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Opens a blob's file without following links and without waiting for a FIFO's writer.
   * @throws OciError BLOB_UNKNOWN, CONTENT_DAMAGED
   */
  async openFile(digest: Digest): Promise<{ readonly file: DiskFile; readonly stat: EntryStat }> {
    const there = await this.#look(digest);
    const file = there && (await this.disk.open(this.path(digest), "read"));
    if (file === undefined) {
      throw new OciError("BLOB_UNKNOWN", `There is no blob ${digest} in ${JSON.stringify(this.#root)}`, { digest });
    }
    try {
      const stat = await file.stat();
      requireRegular(stat, digest);
      return { file, stat };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async stage(options: { readonly algorithm?: Algorithm } & Signal = {}): Promise<Upload> {
    options.signal?.throwIfAborted();
    await this.ready();
    return this.#upload(await this.#create(), options.algorithm);
  }

  async resume(id: string, options: Signal = {}): Promise<Upload> {
    options.signal?.throwIfAborted();
    return this.#upload(await this.staging.open(id, "sha256"), "sha256");
  }

  async link(digest: Digest, from: Blobs, options: Signal = {}): Promise<boolean> {
    if (!(from instanceof DirectoryBlobs)) return false;
    await this.ready();
    await linkBlob(digest, from, this, options);
    return true;
  }

  async remove(digest: Digest): Promise<void> {
    // Garbage collection may take it away, or bring it back, at any moment; it ends in neither place.
    while (!(await this.#removeOnce(digest)));
  }

  /** False: it was taken away in between. */
  async #removeOnce(digest: Digest): Promise<boolean> {
    await this.staging.unlinkSwept(digest);
    const path = this.path(digest);
    if ((await this.disk.lstat(path)) === undefined) return true;
    await this.ready();
    const trash = await this.staging.trashPath(digest.replace(":", "-"));
    try {
      await this.disk.rename(path, trash);
    } catch (error) {
      if (await this.disk.lstat(path)) throw error;
      return false;
    }
    await this.#syncs.sync(this.#directory(algorithmOf(digest)));
    await discard(this.disk, trash);
    return true;
  }

  async *list(options: Signal = {}): AsyncGenerator<ListedBlob, void, undefined> {
    for await (const algorithm of this.disk.readdir(this.#blobs)) {
      if (algorithm.type !== "directory") continue;
      for await (const entry of this.disk.readdir(this.#directory(algorithm.name))) {
        options.signal?.throwIfAborted();
        const digest = `${algorithm.name}:${entry.name}`;
        if (entry.type !== "file" || !isDigest(digest)) continue;
        const stat = await this.disk.lstat(this.path(digest));
        if (stat) yield { digest, size: stat.size, touchedAt: new Date(Number(stat.changedNs / 1_000_000n)) };
      }
    }
  }

  /** Does what has to be done before the first write. */
  async ready(): Promise<void> {
    await this.#prepare?.();
  }

  async publish(id: string, digest: Digest): Promise<void> {
    const algorithm = algorithmOf(digest);
    await this.#makeDirectory(algorithm);
    await this.#freshen(this.staging.path(id));
    await this.#place(id, digest);
    await this.#syncs.sync(this.#directory(algorithm));
  }

  /** What is there already is replaced: this content was checked, that one may be damaged. */
  async #place(id: string, digest: Digest): Promise<void> {
    const [source, target] = [this.staging.path(id), this.path(digest)];
    try {
      await this.disk.rename(source, target);
    } catch (error) {
      // The one thing that a file does not replace is a directory; somebody may miss what is in it.
      if ((await this.disk.lstat(target))?.type !== "directory") throw error;
      await this.disk.rename(target, await this.staging.trashPath(digest.replace(":", "-")));
      await this.disk.rename(source, target);
    }
  }

  discard(id: string): Promise<void> {
    return this.staging.discard(id);
  }

  suspend(id: string, digester: Digester): void {
    this.staging.suspend(id, digester);
  }

  /** Many that are out of space at once wait for one clearing. */
  async reclaim(): Promise<boolean> {
    this.#reclaiming ??= this.#makeRoom()
      // The full disk that led here says more.
      .catch(() => false)
      .finally(() => {
        this.#reclaiming = undefined;
      });
    return await this.#reclaiming;
  }

  async #expireOwn(): Promise<boolean> {
    return (await this.staging.expire(RECLAIM_AGE)).uploads > 0;
  }

  async #create(): Promise<StagedFile> {
    try {
      return await this.staging.create();
    } catch (error) {
      if (!isOciError(error, "NO_SPACE") || !(await this.reclaim())) throw error;
      return await this.staging.create();
    }
  }

  /** Garbage collection goes by this time; the last byte, or the file that was linked, may be old. */
  async #freshen(path: string): Promise<void> {
    const found = this.disk.look(path);
    if (found === undefined || Math.abs(ageOf(found)) > FRESH) await this.disk.touch(path);
  }

  #upload(staged: StagedFile, algorithm: Algorithm = "sha256"): DirectoryUpload {
    return new DirectoryUpload(staged.id, this, staged.file, { ...staged, algorithm });
  }

  #directory(algorithm: string): string {
    return `${this.#blobs}${sep}${algorithm}`;
  }

  /** A link in place of a directory could lead anywhere. */
  async #seeDirectory(algorithm: string): Promise<boolean> {
    if (this.#seen.has(algorithm)) return true;
    for (const path of [this.#blobs, this.#directory(algorithm)]) {
      const found = await this.disk.lstat(path);
      if (found === undefined) return false;
      if (found.type !== "directory") {
        throw new OciError("LAYOUT_INVALID", `${JSON.stringify(path)} is not a directory`);
      }
    }
    this.#seen.add(algorithm);
    return true;
  }

  async #makeDirectory(algorithm: string): Promise<void> {
    let made = this.#ready.get(algorithm);
    if (made === undefined) {
      made = this.#makeDurable(algorithm);
      this.#ready.set(algorithm, made);
      made.catch(() => this.#ready.delete(algorithm));
    }
    await made;
  }

  /** Also where it is there already: whoever made it may have died before it was durable. */
  async #makeDurable(algorithm: string): Promise<void> {
    await makeDirectories(this.disk, this.#directory(algorithm));
    await this.disk.syncDirectory(this.#blobs);
    await this.#seeDirectory(algorithm);
  }
}

/** Milliseconds since the file was written or touched. */
function ageOf(found: Glance): number {
  return Date.now() - found.modified;
}

function requireRegular(found: Pick<EntryStat, "type">, digest: Digest): void {
  if (found.type === "file") return;
  const names = { symlink: "a symbolic link", directory: "a directory", other: "a special file" };
  throw new OciError("CONTENT_DAMAGED", `The blob ${digest} is ${names[found.type]}, expected a regular file`, {
    digest,
  });
}
