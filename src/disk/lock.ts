import { setTimeout as sleep } from "node:timers/promises";
import { OciError } from "../error/oci-error.ts";
import type { Disk, DiskFile } from "./disk.ts";

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for other processes; 60,000 by default. */
  readonly timeout?: number | undefined;
}

const DEFAULT_TIMEOUT = 60_000;
/** Milliseconds between two tries: doubling from the first to the last, each with full jitter. */
const FIRST_PAUSE = 1;
const LAST_PAUSE = 32;

/** The end of each path's queue in this process. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs `work` while holding the operating system's lock on a file. It dies with
 * its holder, so nothing is ever left locked. Within this process the callers
 * queue, so that at most one of them competes with other processes. The file
 * stays: removing it would let two holders in.
 * @throws OciError LOCKED when another process holds it until the timeout
 */
export async function withLock<T>(
  disk: Disk,
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve();
  const turn = Promise.withResolvers<void>();
  const end = before.then(() => turn.promise);
  queues.set(path, end);
  try {
    await before;
    await using _lock = await acquire(disk, path, options);
    return await work();
  } finally {
    turn.resolve();
    if (queues.get(path) === end) queues.delete(path);
  }
}

/** Opens and locks the file; closing it gives the lock up. */
async function acquire(disk: Disk, path: string, options: LockOptions): Promise<DiskFile> {
  const deadline = performance.now() + (options.timeout ?? DEFAULT_TIMEOUT);
  const file = await disk.open(path, "lock");
  if (file === undefined) throw new OciError("INTERNAL", `A lock file could not be made at ${JSON.stringify(path)}`);
  try {
    await waitFor(file, path, deadline, options.signal);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function waitFor(file: DiskFile, path: string, deadline: number, signal: AbortSignal | undefined): Promise<void> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LAST_PAUSE)) {
    signal?.throwIfAborted();
    if (await file.tryLock()) return;
    if (performance.now() > deadline) {
      throw new OciError("LOCKED", `Another process holds the lock ${JSON.stringify(path)}`);
    }
    await pauseFor(1 + Math.random() * pause, signal);
  }
}

/** Sleeps; an abort is told with the signal's own reason. */
async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
