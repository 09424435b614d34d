import { setTimeout as sleep } from "node:timers/promises";
import type { Disk, DiskFile } from "../disk/disk.ts";
import type { LockOptions } from "../disk/lock.ts";
import { OciError } from "../error/oci-error.ts";

const DEFAULT_TIMEOUT = 60_000;
/** Milliseconds between two tries. */
const PAUSE = 20;

/**
 * Runs `work` while holding the operating system's lock on an archive, which dies with its holder. It is a lock
 * on the file itself, so nothing is left beside it; whoever waited while the archive was replaced locks the new
 * one. Undefined where there is no archive yet: its first writer is the one who links it there.
 * @throws OciError LOCKED when another process holds it until the timeout
 */
export async function withArchiveLock<T>(
  disk: Disk,
  path: string,
  work: (current: DiskFile | undefined) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const deadline = performance.now() + (options.timeout ?? DEFAULT_TIMEOUT);
  for (;;) {
    options.signal?.throwIfAborted();
    const file = await disk.open(path, "resume");
    if (file === undefined) return await work(undefined);
    await using open = file;
    if ((await open.tryLock()) && (await isAt(disk, path, open))) return await work(open);
    if (performance.now() > deadline) {
      throw new OciError("LOCKED", `Another process is writing the archive ${JSON.stringify(path)}`);
    }
    await pause(options.signal);
  }
}

/** Whether an open file is still the one at its path. */
async function isAt(disk: Disk, path: string, file: DiskFile): Promise<boolean> {
  const [there, own] = [await disk.lstat(path), await file.stat()];
  return there?.inode === own.inode && there.device === own.device;
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(PAUSE * (0.5 + Math.random()), undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
