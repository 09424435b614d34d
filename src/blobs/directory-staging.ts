import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Digester } from "../bytes/hash.ts";
import type { Disk, DiskFile, EntryStat } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { discard } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import { UPLOAD_AGE } from "../store/blobs.ts";
import type { Expired } from "../store/upkeep.ts";

const ID = /^[0-9a-f]{32}$/;
/** A digest with `-` for `:`, and something that makes it one of its kind. */
const TRASHED = /^[a-z0-9+._-]+-[A-Za-z0-9=_-]+\.[0-9a-f]{32}$/;
/** Hash states kept of uploads that are suspended in this process. */
const SUSPENDED = 256;

/** Milliseconds after which an upload that nobody holds makes room on a full disk. */
export const RECLAIM_AGE: number = 10 * 60 * 1000;

/** A staged file, open and locked. */
export interface StagedFile {
  readonly id: string;
  readonly file: DiskFile;
  readonly size: number;
  readonly digester: Digester | undefined;
}

/** The files of uploads: `.berth/uploads/<id>`, each locked by the process that writes it. */
export class Staging {
  readonly #disk: Disk;
  readonly #uploads: string;
  readonly #trash: string;
  readonly #suspended = new Map<string, Digester>();
  #cleaned = false;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#uploads = join(directory, "uploads");
    this.#trash = join(directory, "trash");
  }

  path(id: string): string {
    return join(this.#uploads, id);
  }

  newId(): string {
    return randomBytes(16).toString("hex");
  }

  /** Where garbage collection puts a blob before it looks again. */
  sweptPath(digest: Digest): string {
    return join(this.#trash, `${digest.replace(":", "-")}.swept`);
  }

  /** Removes a blob that garbage collection may put back, durably. */
  async unlinkSwept(digest: Digest): Promise<void> {
    if (await this.#disk.unlink(this.sweptPath(digest))) await this.#disk.syncDirectory(this.#trash);
  }

  /** Makes a place in the trash. */
  async trashPath(name: string): Promise<string> {
    await makeDirectories(this.#disk, this.#trash);
    return join(this.#trash, `${name}.${this.newId()}`);
  }

  /** Makes the directory, and clears away what dead processes left, once. */
  async prepare(): Promise<void> {
    await makeDirectories(this.#disk, this.#uploads);
    if (this.#cleaned) return;
    this.#cleaned = true;
    await this.clean(UPLOAD_AGE);
  }

  async create(): Promise<StagedFile> {
    await this.prepare();
    const id = this.newId();
    const file = await this.#disk.open(this.path(id), "create");
    if (file === undefined) throw new OciError("INTERNAL", "A staged file could not be made");
    try {
      if (!(await file.tryLock())) throw new OciError("INTERNAL", "A new staged file is locked already");
    } catch (error) {
      await file.close();
      await discard(this.#disk, this.path(id));
      throw error;
    }
    return { id, file, size: 0, digester: undefined };
  }

  /** @throws OciError BLOB_UPLOAD_UNKNOWN; BLOB_UPLOAD_INVALID when another writer holds it */
  async open(id: string, algorithm: Algorithm): Promise<StagedFile> {
    const unknown = new OciError("BLOB_UPLOAD_UNKNOWN", `There is no upload ${JSON.stringify(id.slice(0, 64))}`);
    if (!ID.test(id)) throw unknown;
    const file = await this.#disk.open(this.path(id), "resume");
    if (file === undefined) throw unknown;
    try {
      if (!(await file.tryLock())) {
        throw new OciError("BLOB_UPLOAD_INVALID", `The upload ${id} has a writer already`);
      }
      const stat = await file.stat();
      const there = await this.#disk.lstat(this.path(id));
      // Its last writer may have ended it between the opening and the lock.
      if (there?.inode !== stat.inode || stat.type !== "file") throw unknown;
      const digester = this.#suspended.get(id);
      this.#suspended.delete(id);
      const usable = digester?.size === stat.size && digester.algorithm === algorithm;
      return { id, file, size: stat.size, digester: usable ? digester : undefined };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  suspend(id: string, digester: Digester): void {
    const [oldest] = this.#suspended.keys();
    if (this.#suspended.size >= SUSPENDED && oldest !== undefined) this.#suspended.delete(oldest);
    this.#suspended.set(id, digester);
  }

  async discard(id: string): Promise<void> {
    this.#suspended.delete(id);
    await discard(this.#disk, this.path(id));
  }

  /**
   * Removes staged files that are older than `age` milliseconds and that no live
   * process holds, and what deletes left in the trash. What garbage collection has put
   * there is its own: it looks at that again.
   */
  async clean(age: number): Promise<number> {
    const { uploads } = await this.expire(age);
    return uploads + (await this.emptyTrash());
  }

  /** Removes what deletes left in the trash. */
  async emptyTrash(): Promise<number> {
    let removed = 0;
    for await (const name of filesIn(this.#disk, this.#trash, TRASHED)) {
      if (await this.#disk.unlink(join(this.#trash, name))) removed += 1;
    }
    return removed;
  }

  /** Removes staged files that are older than `age` milliseconds and that no live process holds. */
  async expire(age: number, options: { readonly dryRun?: boolean } = {}): Promise<Expired> {
    let uploads = 0;
    let bytes = 0;
    for await (const name of filesIn(this.#disk, this.#uploads, ID)) {
      const size = await this.#removeStale(name, age, options.dryRun ?? false);
      if (size === undefined) continue;
      uploads += 1;
      bytes += size;
    }
    return { uploads, bytes };
  }

  /** The size of what was removed; undefined: it stays. */
  async #removeStale(id: string, age: number, dryRun: boolean): Promise<number | undefined> {
    const path = this.path(id);
    const before = await this.#disk.lstat(path);
    if (before === undefined || !isStale(before, age)) return undefined;
    const file = await this.#disk.open(path, isWritten(before) ? "resume" : "read");
    if (file === undefined) return undefined;
    await using open = file;
    // A lock that is held means that its writer lives. The system refuses an exclusive lock on a file opened
    // for reading; those are whole already and their writer needs no more than the name for a moment.
    if (isWritten(before) && !(await open.tryLock())) return undefined;
    return dryRun || (await this.#disk.unlink(path)) ? before.size : undefined;
  }
}

/** The files of a directory that have a name of ours; none where it is a link, which may lead anywhere. */
export async function* filesIn(disk: Disk, directory: string, ours: RegExp): AsyncGenerator<string, void, undefined> {
  const found = await disk.lstat(directory);
  if (found?.type !== "directory") return;
  for await (const entry of disk.readdir(directory)) {
    if (entry.type === "file" && ours.test(entry.name)) yield entry.name;
  }
}

/** Links of a blob that is on its way in (mode 0444) cannot be opened for writing by all users. */
function isWritten(stat: EntryStat): boolean {
  return (stat.mode & 0o200) !== 0;
}

/**
 * Whether nobody has written to a staged file for `age` milliseconds. Of one that is whole the change of
 * its inode counts: a link to an old file is new.
 */
export function isStale(stat: EntryStat, age: number): boolean {
  const changed = isWritten(stat) ? stat.modifiedNs : stat.changedNs;
  return Date.now() - Number(changed / 1_000_000n) >= age;
}
