import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../bytes/hash.ts";
import { withLock } from "../disk/lock.ts";
import { ownUser } from "../disk/own-user.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import type { Signal } from "../store/content.ts";

/** Milliseconds that other processes are waited for; then one goes on without the lock. */
const TIMEOUT = 30_000;

/**
 * Runs `work` alone among this user's processes on this machine that name the same key, as far as that can be
 * had: without a place for locks it runs as it is, so `work` has to bear company.
 */
export async function onceOnMachine<T>(key: string, work: () => Promise<T>, { signal }: Signal): Promise<T> {
  const folder = await lockFolder();
  if (folder === undefined) return await work();
  // A few files serve all keys: two that share one only wait for each other.
  const path = join(folder, `referrers-${digestOf(Buffer.from(key)).slice(-2)}.lock`);
  let begun = false;
  const once = async (): Promise<T> => {
    begun = true;
    return await work();
  };
  try {
    return await withLock(nodeDisk, path, once, { timeout: TIMEOUT, signal });
  } catch (error) {
    if (begun || signal?.aborted) throw error;
    return await work();
  }
}

/** A folder in the system's temporary one that nobody else can have put there or write to; undefined where there is none. */
async function lockFolder(): Promise<string | undefined> {
  try {
    const uid = ownUser();
    const folder = join(tmpdir(), `berth-${uid}`);
    await mkdir(folder, { mode: 0o700 }).catch(() => undefined);
    const found = await lstat(folder);
    const own = found.isDirectory() && (uid === -1 || (found.uid === uid && (found.mode & 0o022) === 0));
    return own ? folder : undefined;
  } catch {
    // Without a place for locks there is no lock.
    return undefined;
  }
}
