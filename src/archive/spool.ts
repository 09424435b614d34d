import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { Compression } from "../tar/compress.ts";
import { decompress, detectCompression } from "../tar/decompress.ts";
import { rechunk } from "../tar/rechunk.ts";

export interface SpoolOptions extends Signal {
  /** Bytes accepted; {@link Limits.archiveSpool} by default. */
  readonly limit?: number;
  /** What is spooled, for messages. */
  readonly what: string;
}

/** What came, uncompressed, in a file without a name: it is gone when it is closed, however this process ends. */
export interface Spooled {
  readonly file: DiskFile;
  readonly size: number;
  /** How it came. */
  readonly compression: Compression;
}

const WRITE = 1024 * 1024;

/** Opens an empty file that has no name any more. */
export async function openNameless(disk: Disk): Promise<DiskFile> {
  const path = join(tmpdir(), `berth-spool-${randomBytes(12).toString("hex")}`);
  const file = await disk.open(path, "create");
  if (file === undefined) throw new OciError("INTERNAL", "A temporary file could not be made");
  try {
    await disk.unlink(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/**
 * Keeps a stream in a temporary file, unpacked where it is compressed.
 * @throws OciError LIMIT_EXCEEDED, ARCHIVE_INVALID where it cannot be unpacked, NO_SPACE, IO
 */
export async function spool(disk: Disk, bytes: Bytes, options: SpoolOptions): Promise<Spooled> {
  const file = await openNameless(disk);
  try {
    return { file, ...(await fill(file, bytes, options)) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function fill(
  file: DiskFile,
  bytes: Bytes,
  options: SpoolOptions,
): Promise<{ readonly size: number; readonly compression: Compression }> {
  const { what, signal, limit = Limits.archiveSpool } = options;
  const { compression, whole } = await peek(bytes);
  const unpacked = decompress(whole, compression, { what, total: limit });
  let size = 0;
  for await (const chunk of rechunk(unpacked, WRITE)) {
    signal?.throwIfAborted();
    if (size + chunk.length > limit) {
      throw new OciError("LIMIT_EXCEEDED", `The ${what} has more than ${limit} bytes`);
    }
    await file.write(chunk, size);
    size += chunk.length;
  }
  return { size, compression };
}

/** Looks at the first bytes, which a pipe may give one by one. */
async function peek(bytes: Bytes): Promise<{ readonly compression: Compression; readonly whole: Bytes }> {
  const chunks = bytes[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < 4) {
    const result = await chunks.next();
    if (result.done === true) break;
    first.push(result.value);
    length += result.value.length;
  }
  const start = Buffer.concat(first);
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (start.length > 0) yield start;
      for (;;) {
        const result = await chunks.next();
        if (result.done === true) return;
        yield result.value;
      }
    } finally {
      await chunks.return?.();
    }
  }
  return { compression: detectCompression(start), whole: whole() };
}
