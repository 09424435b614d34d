import { collect } from "../bytes/collect.ts";
import type { TarPlace } from "../blobs/tar.ts";
import { readArchiveSpan } from "../blobs/tar-content.ts";
import { OciError } from "../error/oci-error.ts";
import { type Digest, isDigest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { padding } from "../tar/block.ts";
import type { TarEntryType } from "../tar/entry.ts";
import { fileChunks } from "../tar/file-chunks.ts";
import { readTar } from "../tar/read.ts";
import type { ArchiveFile } from "./archive-file.ts";

/** One entry of an archive and where it lies. Nothing of it is ever written to a disk under its own name. */
export interface ArchiveEntry {
  /** As written, without `./` before it. */
  readonly path: string;
  readonly type: TarEntryType;
  /** Where its headers begin. */
  readonly start: number;
  /** Where its content begins. */
  readonly offset: number;
  /** Bytes of the content. */
  readonly size: number;
  readonly linkPath?: string;
}

/** What an archive must not say twice: other tools would not agree which one counts. */
const ONCE: ReadonlySet<string> = new Set(["oci-layout", "index.json", "manifest.json"]);

/** Where everything lies in an archive. */
export interface ArchiveEntries {
  readonly archive: ArchiveFile;
  readonly all: readonly ArchiveEntry[];
  /** By path; of several the last one, as tar has it. */
  readonly byPath: ReadonlyMap<string, ArchiveEntry>;
}

/** Where the next entry begins. */
export function endOf(entry: ArchiveEntry): number {
  return entry.offset + entry.size + padding(entry.size);
}

/**
 * Reads the headers of an archive, passing over all contents.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function readEntries(archive: ArchiveFile, { signal }: Signal = {}): Promise<ArchiveEntries> {
  if (archive.size === 0) {
    throw new OciError("ARCHIVE_INVALID", `The archive ${JSON.stringify(archive.path)} is empty`);
  }
  const all: ArchiveEntry[] = [];
  const byPath = new Map<string, ArchiveEntry>();
  const options = { maxEntries: Limits.archiveEntries, ...(signal === undefined ? {} : { signal }) };
  let start = 0;
  for await (const { entry, offset } of readTar(fileChunks(archive.file, archive.size), options)) {
    const path = entry.path.replace(/^(?:\.\/+)+/, "");
    if (ONCE.has(path) && byPath.has(path)) {
      throw new OciError("ARCHIVE_INVALID", `The archive ${JSON.stringify(archive.path)} has two entries ${path}`);
    }
    const { type, size, linkPath } = entry;
    const found: ArchiveEntry = { path, type, start, offset, size, ...(linkPath === undefined ? {} : { linkPath }) };
    all.push(found);
    byPath.set(path, found);
    start = endOf(found);
  }
  return { archive, all, byPath };
}

const KINDS: Readonly<Record<TarEntryType, string>> = {
  file: "a regular file",
  directory: "a directory",
  symlink: "a symbolic link",
  hardlink: "a hard link",
  "character-device": "a device",
  "block-device": "a device",
  fifo: "a fifo",
  other: "of an unknown kind",
};

/**
 * The whole content of an entry that is held in memory.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function readEntry(
  { archive }: ArchiveEntries,
  entry: ArchiveEntry,
  limit: number,
  { signal }: Signal = {},
): Promise<Uint8Array> {
  if (entry.type !== "file") {
    throw new OciError(
      "ARCHIVE_INVALID",
      `The entry ${JSON.stringify(entry.path)} of the archive is ${KINDS[entry.type]}, expected a regular file`,
    );
  }
  if (entry.size > limit) {
    throw new OciError(
      "LIMIT_EXCEEDED",
      `The entry ${JSON.stringify(entry.path)} of the archive has ${entry.size} bytes, the limit is ${limit}`,
    );
  }
  const span = { start: entry.offset, end: entry.offset + entry.size };
  return await collect(readArchiveSpan(archive.file, span, { signal }), limit, entry.path);
}

const BLOB = /^blobs\/([^/]+)\/([^/]+)$/;

/** The digest that an entry's path stands for in a layout (image-spec image-layout.md, "Blobs"). */
export function digestOfPath(path: string): Digest | undefined {
  const [, algorithm, encoded] = BLOB.exec(path) ?? [];
  if (algorithm === undefined || encoded === undefined) return undefined;
  const digest = `${algorithm}:${encoded}`;
  return isDigest(digest) ? digest : undefined;
}

/** Where the blobs of a layout lie. */
export function blobPlaces({ byPath }: ArchiveEntries): Map<Digest, TarPlace> {
  const places = new Map<Digest, TarPlace>();
  for (const [path, { type, offset, size }] of byPath) {
    const digest = digestOfPath(path);
    if (digest !== undefined) places.set(digest, type === "file" ? { offset, size } : KINDS[type]);
  }
  return places;
}
