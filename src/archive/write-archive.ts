import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import type { Disk, DiskFile, EntryStat } from "../disk/disk.ts";
import { discard } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import { compress, type Compression } from "../tar/compress.ts";
import { rechunk } from "../tar/rechunk.ts";
import { removeRemains, temporaryPath } from "./remains.ts";

const WRITE = 1024 * 1024;

/** How an archive is compressed, by its file's name; undefined where that says nothing. */
export function compressionOfName(path: string): Compression | undefined {
  if (/\.(?:tar\.gz|tgz)$/i.test(path)) return "gzip";
  if (/\.(?:tar\.zst|tzst)$/i.test(path)) return "zstd";
  return /\.tar$/i.test(path) ? "none" : undefined;
}

export interface WriteOptions extends Signal {
  readonly compression: Compression;
  /** Permission bits of the file that is replaced. */
  readonly mode?: number;
  /** The file is a new one: false is returned where somebody else was faster. */
  readonly fresh?: boolean;
}

/**
 * Replaces an archive in one step: temporary file beside it, data made durable, rename, names made durable.
 * @returns what the file is now; undefined where it was to be a new one and there is one already
 */
export async function writeArchive(
  disk: Disk,
  path: string,
  bytes: Bytes,
  options: WriteOptions,
): Promise<EntryStat | undefined> {
  await removeRemains(disk, path);
  const temporary = temporaryPath(path, randomBytes(8).toString("hex"), "tmp");
  try {
    const file = await disk.open(temporary, "create");
    if (file === undefined) throw new OciError("INTERNAL", "A temporary file could not be made");
    await using open = file;
    await open.tryLock();
    await fill(open, bytes, options);
    if (options.mode !== undefined) await open.chmod(options.mode);
    await open.datasync();
    if (!(await place(disk, temporary, path, options.fresh ?? false))) return undefined;
    await disk.syncDirectory(dirname(path));
    return await open.stat();
  } finally {
    await discard(disk, temporary);
  }
}

/** One piece is written while the next one is made. */
async function fill(file: DiskFile, bytes: Bytes, { compression, signal }: WriteOptions): Promise<void> {
  let at = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of rechunk(compress(bytes, compression, signal), WRITE)) {
      signal?.throwIfAborted();
      await writing;
      writing = file.write(chunk, at);
      writing.catch(() => undefined);
      at += chunk.length;
    }
  } finally {
    // The file is closed next: no write may be under way then.
    await writing.catch(() => undefined);
  }
  await writing;
}

async function place(disk: Disk, temporary: string, path: string, fresh: boolean): Promise<boolean> {
  if (fresh) {
    if (await disk.link(temporary, path)) return true;
    if (await disk.lstat(path)) return false;
    // This file system has no hard links.
  }
  await disk.rename(temporary, path);
  return true;
}
