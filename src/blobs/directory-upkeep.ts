import { join } from "node:path";
import { verifyBuffer } from "../bytes/verify.ts";
import type { Disk, EntryStat } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { algorithmOf, type Digest, encodedOf, isDigest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { Checked, ContentUpkeep, Expired, StoredBlob, Verdict } from "../store/upkeep.ts";
import { checkFile } from "./directory-check.ts";
import type { DirectoryBlobs } from "./directory.ts";
import { filesIn } from "./directory-staging.ts";

/** A digest with `-` for `:`, in the trash of garbage collection: deletes put theirs there under other names. */
const SWEPT = /^(sha256|sha512)-([0-9a-f]+)\.swept$/;

/** Files looked at before the first of them is handed out. */
const BATCH = 4096;

function storedBlob(digest: Digest, stat: EntryStat): StoredBlob {
  return {
    digest,
    size: stat.size,
    touchedAt: Number(stat.modifiedNs / 1_000_000n),
    shared: stat.links > 1,
  };
}

function fileName(digest: Digest): string {
  return `${algorithmOf(digest)}-${encodedOf(digest)}`;
}

/** The files of a repository, as garbage collection and scrub see them. */
export class DirectoryUpkeep implements ContentUpkeep {
  readonly #blobs: DirectoryBlobs;
  readonly #disk: Disk;
  readonly #root: string;
  readonly #trash: string;
  readonly #quarantine: string;
  readonly #made = new Set<string>();

  constructor(root: string, blobs: DirectoryBlobs) {
    this.#root = root;
    this.#blobs = blobs;
    this.#disk = blobs.disk;
    this.#trash = join(root, ".berth", "trash");
    this.#quarantine = join(root, ".berth", "quarantine");
  }

  async *blobs(options: Signal = {}): AsyncGenerator<StoredBlob, void, undefined> {
    yield* this.#look(this.#digests("file", options), (digest) => this.#blobs.path(digest));
  }

  async *entries(options: Signal = {}): AsyncGenerator<Digest, void, undefined> {
    yield* this.#digests(undefined, options);
  }

  async stat(digest: Digest): Promise<StoredBlob | undefined> {
    const stat =
      (await this.#disk.lstat(this.#blobs.path(digest))) ??
      (await this.#disk.lstat(this.#blobs.staging.sweptPath(digest)));
    return stat?.type === "file" ? storedBlob(digest, stat) : undefined;
  }

  async manifest(digest: Digest, options: Signal = {}): Promise<Uint8Array | undefined> {
    const bytes =
      (await this.#read(this.#blobs.path(digest), digest)) ??
      (await this.#read(this.#blobs.staging.sweptPath(digest), digest));
    options.signal?.throwIfAborted();
    if (bytes === undefined && (await this.#disk.lstat(this.#quarantined(digest)))) {
      throw new OciError("CONTENT_DAMAGED", `The blob ${digest} was damaged and has been set aside`, { digest });
    }
    return bytes;
  }

  async *trashed(options: Signal = {}): AsyncGenerator<StoredBlob, void, undefined> {
    yield* this.#look(this.#sweptDigests(options), (digest) => this.#blobs.staging.sweptPath(digest));
  }

  async *#sweptDigests(options: Signal): AsyncGenerator<Digest, void, undefined> {
    for await (const name of filesIn(this.#disk, this.#trash, SWEPT)) {
      options.signal?.throwIfAborted();
      const digest = name.replace(SWEPT, "$1:$2");
      if (isDigest(digest)) yield digest;
    }
  }

  async discard(digest: Digest): Promise<boolean> {
    await this.#make(this.#trash);
    return await this.#move(this.#blobs.path(digest), this.#blobs.staging.sweptPath(digest));
  }

  async restore(digest: Digest): Promise<void> {
    const path = this.#blobs.path(digest);
    const trashed = this.#blobs.staging.sweptPath(digest);
    // A link never replaces what has come meanwhile; where there are none, that is looked at.
    if (await this.#link(trashed, path)) await this.#disk.unlink(trashed);
    else await this.#move(trashed, path);
  }

  /** True: the file has the name, or another one that came meanwhile. */
  async #link(from: string, to: string): Promise<boolean> {
    try {
      return (await this.#disk.link(from, to)) || (await this.#disk.lstat(to)) !== undefined;
    } catch (error) {
      // A delete was faster.
      if (await this.#disk.lstat(from)) throw error;
      return true;
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    return await this.#disk.unlink(this.#blobs.staging.sweptPath(digest));
  }

  async expireUploads(age: number, options: { readonly dryRun: boolean }): Promise<Expired> {
    if (!options.dryRun) await this.#blobs.staging.emptyTrash();
    return await this.#blobs.staging.expire(age, options);
  }

  async check(digest: Digest, options: Signal = {}): Promise<Checked> {
    try {
      const { stat, actual } = await checkFile(this.#blobs, digest, options.signal);
      const { size } = stat;
      if (actual === undefined) return { verdict: "unknown-algorithm", size: 0 };
      if (actual !== digest) return { verdict: await this.#setAside(digest, stat), size };
      await this.#forgetQuarantined(digest);
      return { verdict: "whole", size };
    } catch (error) {
      if (isOciError(error, "BLOB_UNKNOWN")) return { verdict: "gone", size: 0 };
      if (isOciError(error, "CONTENT_DAMAGED")) return { verdict: await this.#setAside(digest, undefined), size: 0 };
      throw error;
    }
  }

  /** A batch at a time in the order of their inodes: that spares the disk the way between them when they are removed. */
  async *#look(
    digests: AsyncIterable<Digest>,
    pathOf: (digest: Digest) => string,
  ): AsyncGenerator<StoredBlob, void, undefined> {
    let batch: { readonly digest: Digest; readonly stat: EntryStat }[] = [];
    const sorted = function* (): Generator<StoredBlob, void, undefined> {
      batch.sort((left, right) => Number(left.stat.inode - right.stat.inode));
      for (const { digest, stat } of batch) yield storedBlob(digest, stat);
      batch = [];
    };
    for await (const digest of digests) {
      const stat = await this.#disk.lstat(pathOf(digest));
      if (stat?.type !== "file") continue;
      if (batch.push({ digest, stat }) >= BATCH) yield* sorted();
    }
    yield* sorted();
  }

  /** Only what was found to be damaged: a push may have put a whole one in its place. */
  async #setAside(digest: Digest, found: EntryStat | undefined): Promise<Verdict> {
    const path = this.#blobs.path(digest);
    const now = await this.#disk.lstat(path);
    if (now === undefined) return "gone";
    if (found && (now.inode !== found.inode || now.device !== found.device)) return "whole";
    if (found === undefined && now.type === "file") return "whole";
    await this.#make(this.#quarantine);
    return (await this.#move(path, this.#quarantined(digest))) ? "damaged" : "gone";
  }

  async #forgetQuarantined(digest: Digest): Promise<void> {
    const path = this.#quarantined(digest);
    if ((await this.#disk.lstat(path))?.type === "file") await this.#disk.unlink(path);
  }

  async #read(path: string, digest: Digest): Promise<Uint8Array | undefined> {
    const file = await this.#disk.open(path, "read");
    if (file === undefined) return undefined;
    await using open = file;
    const { type, size } = await open.stat();
    if (type !== "file") throw new OciError("CONTENT_DAMAGED", `The blob ${digest} is no regular file`, { digest });
    if (size > Limits.manifest) {
      throw new OciError("LIMIT_EXCEEDED", `The manifest ${digest} has ${size} bytes, the limit is ${Limits.manifest}`);
    }
    const buffer = Buffer.allocUnsafe(size);
    return verifyBuffer(buffer.subarray(0, await open.read(buffer, 0)), { mediaType: "", digest, size });
  }

  async *#digests(type: "file" | undefined, { signal }: Signal): AsyncGenerator<Digest, void, undefined> {
    for (const algorithm of ["sha256", "sha512"] as const) {
      const directory = join(this.#root, "blobs", algorithm);
      if ((await this.#disk.lstat(directory))?.type !== "directory") continue;
      for await (const entry of this.#disk.readdir(directory)) {
        signal?.throwIfAborted();
        const digest = `${algorithm}:${entry.name}`;
        if (isDigest(digest) && (type === undefined || entry.type === type)) yield digest;
      }
    }
  }

  /** False: it was gone. */
  async #move(from: string, to: string): Promise<boolean> {
    try {
      await this.#disk.rename(from, to);
      return true;
    } catch (error) {
      if (await this.#disk.lstat(from)) throw error;
      return false;
    }
  }

  async #make(directory: string): Promise<void> {
    if (this.#made.has(directory)) return;
    await makeDirectories(this.#disk, directory);
    this.#made.add(directory);
  }

  #quarantined(digest: Digest): string {
    return join(this.#quarantine, fileName(digest));
  }
}
