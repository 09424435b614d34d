import { lstatSync, lutimesSync, linkSync, opendirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { CANNOT_SHARE, isAbsent, isOccupied, MAY_NOT, typeOf } from "./answer.ts";
import type { Disk, EntryType } from "./disk.ts";
import { diskError, errnoOf } from "./error.ts";
import { nodeDisk } from "./node-disk.ts";
import { toStat } from "./node-file.ts";

/** Runs a call on this thread; the errnos given are an answer, all others an OciError. */
function call<T, A>(
  operation: string,
  path: string,
  run: () => T,
  isAnswer: (errno: string) => boolean,
  answer: A,
): T | A {
  try {
    return run();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno !== undefined && isAnswer(errno)) return answer;
    throw diskError(cause, operation, path);
  }
}

function* readdir(path: string): Generator<{ name: string; type: EntryType }, void, undefined> {
  const directory = call("list", path, () => opendirSync(path, { bufferSize: 1024 }), isAbsent, undefined);
  if (directory === undefined) return;
  try {
    for (;;) {
      const entry = call(
        "list",
        path,
        () => directory.readSync(),
        () => false,
        null,
      );
      if (entry === null) return;
      yield { name: entry.name, type: typeOf(entry) };
    }
  } finally {
    directory.closeSync();
  }
}

/**
 * The real file system without a change of thread for every call, which makes walks over
 * many files several times as fast. For threads and programs that serve nobody meanwhile.
 */
export const blockingDisk: Disk = {
  ...nodeDisk,
  async lstat(path) {
    const stats = call(
      "look at",
      path,
      () => lstatSync(path, { bigint: true, throwIfNoEntry: false }),
      isAbsent,
      undefined,
    );
    return stats && toStat(stats, typeOf(stats));
  },
  async *readdir(path) {
    yield* readdir(path);
  },
  async rename(source, target) {
    call(
      "rename a file to",
      target,
      () => renameSync(source, target),
      () => false,
      undefined,
    );
  },
  async link(source, target) {
    return call(
      "link",
      target,
      () => (linkSync(source, target), true),
      (errno) => CANNOT_SHARE.has(errno),
      false,
    );
  },
  async touch(path) {
    const now = Date.now() / 1000;
    const touch = (): boolean => (lutimesSync(path, now, now), true);
    // What may not be changed is there all the same.
    return (
      call("touch", path, touch, (errno) => isAbsent(errno) || MAY_NOT.has(errno), undefined) ??
      nodeDisk.look(path) !== undefined
    );
  },
  async unlink(path) {
    return call("remove", path, () => (unlinkSync(path), true), isAbsent, false);
  },
  async rmdir(path) {
    return call("remove", path, () => (rmdirSync(path), true), isOccupied, false);
  },
};

/**
 * The same for a process that serves nobody: removals go side by side in its other threads, which takes half the
 * time. Not beside a server, whose reads wait for the same threads.
 */
export const secludedDisk: Disk = { ...blockingDisk, unlink: (path) => nodeDisk.unlink(path) };
