import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DirectoryBlobs } from "../blobs/directory.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { diskError } from "../disk/error.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import type { Digest } from "../spec/digest.ts";
import { removeRemains, STAGE_LOCK, temporaryPath } from "./remains.ts";

/** Files that are copied into an archive and removed again: nothing is gained by making them durable. */
function volatile(disk: Disk): Disk {
  return {
    ...disk,
    async open(path, mode): Promise<DiskFile | undefined> {
      const file = await disk.open(path, mode);
      return file && Object.assign(file, { datasync: async (): Promise<void> => undefined });
    },
    syncDirectory: async () => undefined,
  };
}

/** Content on its way into an archive: a folder beside it that is made by the first write. */
export class Stage implements AsyncDisposable {
  readonly blobs: DirectoryBlobs;
  readonly #disk: Disk;
  readonly #root: string;
  readonly #target: string | undefined;
  #made: Promise<DiskFile | undefined> | undefined;

  /** @param target the archive's path; undefined where it goes to standard output */
  constructor(disk: Disk, target: string | undefined) {
    const random = randomBytes(8).toString("hex");
    this.#disk = volatile(disk);
    this.#target = target;
    // Beside the archive there has to be room for the same content anyway, and a layout on that file system can lend it.
    this.#root =
      target === undefined ? join(tmpdir(), `berth-archive-${random}`) : temporaryPath(target, random, "stage");
    this.blobs = new DirectoryBlobs(this.#root, {
      disk: this.#disk,
      prepare: async () => {
        this.#made ??= this.#make();
        await this.#made;
      },
    });
  }

  /** Takes over what another stage beside the same archive holds, but for some of it. It was checked when it came there. */
  async adopt(other: Stage, leave: ReadonlySet<Digest>): Promise<void> {
    if (other.#made === undefined) return;
    const digests: Digest[] = [];
    for await (const { digest } of other.blobs.list()) if (!leave.has(digest)) digests.push(digest);
    if (digests.length > 0) await this.blobs.ready();
    for (const digest of digests) {
      const path = this.blobs.path(digest);
      await makeDirectories(this.#disk, dirname(path));
      await this.#disk.rename(other.blobs.path(digest), path);
    }
  }

  async #make(): Promise<DiskFile | undefined> {
    // What dead writers left may be as large as what comes.
    if (this.#target !== undefined) await removeRemains(this.#disk, this.#target);
    await this.#disk.mkdir(this.#root);
    const lock = await this.#disk.open(join(this.#root, STAGE_LOCK), "create");
    try {
      await lock?.tryLock();
      return lock;
    } catch (error) {
      await lock?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const made = this.#made;
    if (made === undefined) return;
    this.#made = undefined;
    const lock = await made.catch(() => undefined);
    try {
      await rm(this.#root, { recursive: true, force: true });
    } catch (cause) {
      throw diskError(cause, "remove", this.#root);
    } finally {
      await lock?.[Symbol.asyncDispose]();
    }
  }
}
