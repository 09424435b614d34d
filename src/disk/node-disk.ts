import { constants, lstatSync } from "node:fs";
import * as fs from "node:fs/promises";
import { CANNOT_SHARE, isAbsent, isOccupied, MAY_NOT, typeOf } from "./answer.ts";
import type { Disk, EntryStat, EntryType, Glance, OpenMode } from "./disk.ts";
import type { DiskFile } from "./disk.ts";
import { diskError, errnoOf } from "./error.ts";
import { NodeFile, toStat } from "./node-file.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
/** Absent on Windows, where lstat before opening has to do. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
/** So that opening a FIFO that took a file's place returns at once. */
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_EXCL,
  resume: O_RDWR | O_NONBLOCK,
  lock: O_RDWR | O_CREAT,
};

/** Runs a call; the given errnos are an answer, all others an OciError. */
async function call<T, A>(
  operation: string,
  path: string,
  run: () => Promise<T>,
  isAnswer: (errno: string) => boolean,
  answer: A,
): Promise<T | A> {
  try {
    return await run();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno !== undefined && isAnswer(errno)) return answer;
    throw diskError(cause, operation, path);
  }
}

const never = (): boolean => false;

async function* readdir(path: string): AsyncGenerator<{ name: string; type: EntryType }, void, undefined> {
  const directory = await call("list", path, () => fs.opendir(path, { bufferSize: 256 }), isAbsent, undefined);
  if (directory === undefined) return;
  try {
    for (;;) {
      const entry = await call("list", path, () => directory.read(), never, null);
      if (entry === null) return;
      yield { name: entry.name, type: typeOf(entry) };
    }
  } finally {
    await directory.close();
  }
}

/** The real file system. */
export const nodeDisk: Disk = {
  async open(path, mode): Promise<DiskFile | undefined> {
    const flags = FLAGS[mode] | O_NOFOLLOW;
    const mayBeAbsent = mode === "read" || mode === "resume";
    const handle = await call(
      "open",
      path,
      () => fs.open(path, flags, 0o644),
      mayBeAbsent ? isAbsent : never,
      undefined,
    );
    return handle && new NodeFile(path, handle);
  },
  async lstat(path): Promise<EntryStat | undefined> {
    const stats = await call("look at", path, () => fs.lstat(path, { bigint: true }), isAbsent, undefined);
    return stats && toStat(stats, typeOf(stats));
  },
  look(path): Glance | undefined {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      return stats && { type: typeOf(stats), size: stats.size, modified: stats.mtimeMs, changed: stats.ctimeMs };
    } catch (cause) {
      if (errnoOf(cause) === "ENOTDIR") return undefined;
      throw diskError(cause, "look at", path);
    }
  },
  readdir,
  async mkdir(path) {
    const made = await call(
      "make the directory",
      path,
      () => fs.mkdir(path),
      (errno) => errno === "EEXIST",
      false,
    );
    return made !== false;
  },
  rename: (source, target) => call("rename a file to", target, () => fs.rename(source, target), never, undefined),
  async link(source, target) {
    const linked = await call(
      "link",
      target,
      () => fs.link(source, target),
      (errno) => CANNOT_SHARE.has(errno),
      false,
    );
    return linked !== false;
  },
  async clone(source, target) {
    const mode = constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL;
    const copy = (): Promise<void> => fs.copyFile(source, target, mode);
    const cloned = await call("copy to", target, copy, (errno) => CANNOT_SHARE.has(errno), false);
    return cloned !== false;
  },
  async touch(path) {
    const now = Date.now() / 1000;
    const touched = await call("touch", path, () => fs.lutimes(path, now, now), isAbsent, false).catch(
      (error: unknown) => {
        if (MAY_NOT.has(errnoOf(error) ?? "")) return undefined;
        throw error;
      },
    );
    return touched !== false;
  },
  async unlink(path) {
    const removed = await call("remove", path, () => fs.unlink(path), isAbsent, false);
    return removed !== false;
  },
  async rmdir(path) {
    const removed = await call("remove", path, () => fs.rmdir(path), isOccupied, false);
    return removed !== false;
  },
  async syncDirectory(path) {
    // Windows cannot open a directory, and makes names durable with the file.
    if (O_NOFOLLOW === 0) return;
    const sync = async (): Promise<void> => {
      const handle = await fs.open(path, O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    };
    await call("make durable", path, sync, never, undefined);
  },
};
