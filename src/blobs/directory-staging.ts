import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Digester } from "../bytes/hash.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { discard } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import type { Algorithm } from "../spec/digest.ts";

const ID = /^[0-9a-f]{32}$/;
/** A digest with `-` for `:`, and something that makes it one of its kind. */
const TRASHED = /^[a-z0-9+._-]+-[A-Za-z0-9=_-]+\.[0-9a-f]{32}$/;
/** Hash states kept of uploads that are suspended in this process. */
const SUSPENDED = 256;
/** Milliseconds after which a staged file that nobody holds is nobody's. */
export const STALE_AFTER: number = 24 * 60 * 60 * 1000;

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
    await this.clean(STALE_AFTER);
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
   * process holds, and whatever is left in the trash.
   */
  async clean(age: number): Promise<number> {
    let removed = 0;
    for await (const name of this.#filesIn(this.#uploads, ID)) if (await this.#removeStale(name, age)) removed += 1;
    for await (const name of this.#filesIn(this.#trash, TRASHED)) {
      if (await this.#disk.unlink(join(this.#trash, name))) removed += 1;
    }
    return removed;
  }

  /** The files that have a name of ours; none where the directory is a link, which may lead anywhere. */
  async *#filesIn(directory: string, ours: RegExp): AsyncGenerator<string, void, undefined> {
    const found = await this.#disk.lstat(directory);
    if (found?.type !== "directory") return;
    for await (const entry of this.#disk.readdir(directory)) {
      if (entry.type === "file" && ours.test(entry.name)) yield entry.name;
    }
  }

  async #removeStale(id: string, age: number): Promise<boolean> {
    const path = this.path(id);
    const before = await this.#disk.lstat(path);
    if (before === undefined || !isOlder(before.changedNs, age)) return false;
    // (The time of the last change of the inode: a link to an old file is new.) Links of a blob that was on its way in (mode 0444) cannot be opened for writing by all users.
    const file = await this.#disk.open(path, before.mode & 0o200 ? "resume" : "read");
    if (file === undefined) return false;
    await using open = file;
    // A lock that is held means that its writer lives. The system refuses an exclusive lock on a file opened
    // for reading; those are whole already and their writer needs no more than the name for a moment.
    if (before.mode & 0o200 && !(await open.tryLock())) return false;
    return await this.#disk.unlink(path);
  }
}

function isOlder(ns: bigint, age: number): boolean {
  return Date.now() - Number(ns / 1_000_000n) >= age;
}
