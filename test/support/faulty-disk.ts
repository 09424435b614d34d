import type { Disk, DiskFile } from "../../src/disk/disk.ts";
import { diskError } from "../../src/disk/error.ts";

/** A disk whose n-th call fails; all the others are real. */
export interface FaultyDisk extends Disk {
  /** Calls made so far that count. */
  readonly calls: number;
  /** What failed, such as "rename index.json". */
  readonly failed: string | undefined;
  /** From here on every call works: the disk was repaired, or has room again. */
  heal(): void;
  /** Closes what is open still, as the system does for a process that died. */
  abandon(): Promise<void>;
}

export interface Fault {
  /** Which call fails, from 1 on; with `forever` all later ones as well, but only those that need room, as on a full disk. */
  readonly at: number;
  readonly errno: "ENOSPC" | "EIO";
  readonly forever?: boolean;
  /** From there on no call is made at all: the process has died. */
  readonly dead?: boolean;
  /** Count calls of this name alone. */
  readonly only?: string;
}

/** Calls that a full disk does not hinder. */
const FREE: ReadonlySet<string> = new Set([
  "read",
  "stat",
  "lstat",
  "readdir",
  "unlink",
  "rmdir",
  "close",
  "truncate",
  "tryLock",
  "chmod",
  "touch",
]);

/** Puts a fault into a disk, for tests of what is left afterwards. */
export function faultyDisk(inner: Disk, fault: Fault): FaultyDisk {
  let calls = 0;
  let failed: string | undefined;
  let healed = false;
  const open = new Set<DiskFile>();
  const check = (call: string, path: string): void => {
    if (fault.only !== undefined && call !== fault.only) return;
    // A full disk fails no call that needs no room.
    if (healed || (fault.forever === true && FREE.has(call))) return;
    calls += 1;
    const again = failed !== undefined && (fault.dead === true || fault.forever === true);
    if (calls !== fault.at && !again) return;
    failed ??= `${call} ${path.split("/").slice(-2).join("/")}`;
    throw diskError(Object.assign(new Error(fault.errno), { code: fault.errno }), call, path);
  };
  const wrapFile = (file: DiskFile, path: string): DiskFile => {
    const close = async (): Promise<void> => {
      // A close that fails has closed the file all the same.
      open.delete(file);
      await file.close();
      check("close", path);
    };
    return {
      handle: file.handle,
      stat: async () => (check("stat", path), file.stat()),
      read: async (buffer, position) => (check("read", path), file.read(buffer, position)),
      async write(bytes, position) {
        try {
          check("write", path);
        } catch (error) {
          // Half of it arrived, as on a real disk.
          await file.write(bytes.subarray(0, bytes.length >> 1), position);
          throw error;
        }
        await file.write(bytes, position);
      },
      truncate: async (size) => (check("truncate", path), file.truncate(size)),
      chmod: async (mode) => (check("chmod", path), file.chmod(mode)),
      datasync: async () => (check("datasync", path), file.datasync()),
      tryLock: async () => (check("tryLock", path), file.tryLock()),
      close,
      [Symbol.asyncDispose]: () => close().catch(() => undefined),
    };
  };
  return {
    get calls() {
      return calls;
    },
    get failed() {
      return failed;
    },
    heal() {
      healed = true;
    },
    async abandon() {
      for (const file of open) await file.close();
      open.clear();
    },
    async open(path, mode) {
      check(mode === "read" ? "read" : "open", path);
      const file = await inner.open(path, mode);
      if (file === undefined) return undefined;
      open.add(file);
      return wrapFile(file, path);
    },
    lstat: async (path) => (check("lstat", path), inner.lstat(path)),
    look: (path) => (check("lstat", path), inner.look(path)),
    async *readdir(path) {
      check("readdir", path);
      yield* inner.readdir(path);
    },
    mkdir: async (path) => (check("mkdir", path), inner.mkdir(path)),
    rename: async (source, target) => (check("rename", target), inner.rename(source, target)),
    link: async (source, target) => (check("link", target), inner.link(source, target)),
    clone: async (source, target) => (check("clone", target), inner.clone(source, target)),
    touch: async (path) => (check("touch", path), inner.touch(path)),
    unlink: async (path) => (check("unlink", path), inner.unlink(path)),
    rmdir: async (path) => (check("rmdir", path), inner.rmdir(path)),
    syncDirectory: async (path) => (check("syncDirectory", path), inner.syncDirectory(path)),
  };
}
