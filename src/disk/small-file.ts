import { OciError } from "../error/oci-error.ts";
import type { Disk, DiskFile, EntryStat } from "./disk.ts";

/** What a small file holds, and what it was when it was read. */
export interface SmallFile {
  readonly bytes: Uint8Array;
  readonly stat: EntryStat;
}

/**
 * Reads a whole file, which has to be a regular one within the limit.
 * Undefined: not there.
 * @param what names the file in messages
 * @throws OciError LAYOUT_INVALID, IO
 */
export async function readSmallFile(
  disk: Disk,
  path: string,
  limit: number,
  what: string,
): Promise<SmallFile | undefined> {
  const before = await disk.lstat(path);
  if (before === undefined) return undefined;
  requireFile(before, path, limit, what);
  await using file = await disk.open(path, "read");
  if (file === undefined) return undefined;
  const stat = await file.stat();
  requireFile(stat, path, limit, what);
  const buffer = Buffer.allocUnsafe(stat.size);
  const size = await file.read(buffer, 0);
  return { bytes: buffer.subarray(0, size), stat };
}

function requireFile(stat: EntryStat, path: string, limit: number, what: string): void {
  if (stat.type !== "file") {
    const found =
      stat.type === "symlink" ? "a symbolic link" : stat.type === "other" ? "a special file" : "a directory";
    throw new OciError("LAYOUT_INVALID", `The ${what} ${JSON.stringify(path)} is ${found}, expected a regular file`);
  }
  if (stat.size > limit) {
    throw new OciError(
      "LAYOUT_INVALID",
      `The ${what} ${JSON.stringify(path)} has ${stat.size} bytes, the limit is ${limit}`,
    );
  }
}

/**
 * Replaces a file in one step: temporary file, data made durable, rename, names
 * made durable. A reader sees the old or the new content, also after a crash.
 * The temporary file is gone afterwards whether it worked or not.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  options: { readonly temporary: string; readonly directory: string },
  bytes: Uint8Array,
): Promise<void> {
  try {
    // A new file in every case: what lies there may be a link to something else.
    await disk.unlink(options.temporary);
    const file = await disk.open(options.temporary, "create");
    if (file) await fill(file, bytes);
    await disk.rename(options.temporary, path);
  } catch (error) {
    await discard(disk, options.temporary);
    throw error;
  }
  await disk.syncDirectory(options.directory);
}

async function fill(file: DiskFile, bytes: Uint8Array): Promise<void> {
  await using open = file;
  await open.write(bytes, 0);
  await open.datasync();
}

/** Removes a temporary file on the way out of a failure, which stays the one that is told. */
export async function discard(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch {
    // The failure that led here says more; what is left is found by the next clean-up.
  }
}
