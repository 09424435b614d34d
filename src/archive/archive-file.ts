import type { Bytes } from "../bytes/bytes.ts";
import { readArchiveSpan } from "../blobs/tar-content.ts";
import type { Disk, DiskFile, EntryStat } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import type { Compression } from "../tar/compress.ts";
import { detectCompression } from "../tar/decompress.ts";
import { spool } from "./spool.ts";

/** An archive open for reading, uncompressed: the file itself, or a temporary one with what was in it. */
export interface ArchiveFile {
  /** For messages. */
  readonly path: string;
  readonly file: DiskFile;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  readonly compression: Compression;
  /** What the file on the disk was when it was opened; undefined for standard input. */
  readonly stat: EntryStat | undefined;
}

export interface ArchiveFileOptions extends Signal {
  /** Bytes of a temporary file. */
  readonly spoolLimit?: number;
}

/**
 * Opens an archive; undefined: nothing there.
 * @throws OciError FILE_INVALID, ARCHIVE_INVALID, LIMIT_EXCEEDED, IO
 */
export async function openArchiveFile(
  disk: Disk,
  path: string,
  options: ArchiveFileOptions = {},
): Promise<ArchiveFile | undefined> {
  const file = await disk.open(path, "read");
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (stat.type !== "file") {
      const isDirectory = stat.type === "directory";
      throw new OciError(
        "FILE_INVALID",
        `Expected an archive at ${JSON.stringify(path)}, got ${isDirectory ? "a directory" : "a special file"}`,
        {
          hint: isDirectory
            ? "A layout directory is written ocidir://PATH"
            : "An archive from a pipe is written -, as in oci-archive:-",
        },
      );
    }
    const start = Buffer.alloc(4);
    const filled = await file.read(start, 0);
    const compression = detectCompression(start.subarray(0, filled));
    if (compression === "none") return { path, file, size: stat.size, compression, stat };
    const packed = readArchiveSpan(file, { start: 0, end: stat.size }, { lent: false, signal: options.signal });
    const spooled = await spoolArchive(disk, packed, path, options);
    await file.close();
    return { ...spooled, stat };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** Keeps an archive that comes as a stream. */
export async function spoolArchive(
  disk: Disk,
  bytes: Bytes,
  path: string,
  { signal, spoolLimit }: ArchiveFileOptions = {},
): Promise<ArchiveFile> {
  const spooled = await spool(disk, bytes, {
    what: "archive",
    ...(signal === undefined ? {} : { signal }),
    ...(spoolLimit === undefined ? {} : { limit: spoolLimit }),
  });
  return { path, ...spooled, stat: undefined };
}
