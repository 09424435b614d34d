import type { Bytes } from "../bytes/bytes.ts";
import { Digester } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { decompress, detectCompression } from "../tar/decompress.ts";
import type { TarEntry, TarEntryType } from "../tar/entry.ts";
import { TarScanner } from "../tar/scan.ts";

/** One file of a layer, as far as a comparison goes: times are left out. */
export interface ListedFile {
  readonly path: string;
  readonly type: TarEntryType;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Of a file's content. */
  readonly digest?: Digest;
  readonly linkPath?: string;
}

/**
 * Lists what a layer holds, by path: of two entries for one path the last counts, as when it is unpacked.
 * @param bytes the tar, compressed or not
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function listLayer(bytes: Bytes): Promise<ReadonlyMap<string, ListedFile>> {
  const files = new Map<string, ListedFile>();
  let finish: () => void = () => undefined;
  const scanner = new TarScanner((entry) => {
    finish();
    finish = () => undefined;
    const file = listed(entry);
    if (!files.has(file.path) && files.size >= Limits.folderEntries) {
      throw new OciError("LIMIT_EXCEEDED", `The layer has more than ${Limits.folderEntries} files`);
    }
    if (entry.type !== "file") {
      files.set(file.path, file);
      return undefined;
    }
    const digester = new Digester();
    finish = () => files.set(file.path, { ...file, digest: digester.digest() });
    return (chunk) => digester.update(chunk);
  });
  const chunks = bytes[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return files;
  for await (const chunk of decompress(again(first.value, chunks), detectCompression(first.value)))
    scanner.write(chunk);
  scanner.end();
  finish();
  return files;
}

async function* again(first: Uint8Array, rest: AsyncIterator<Uint8Array>): Bytes {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

function listed({ path, type, mode, uid, gid, size, linkPath }: TarEntry): ListedFile {
  const clean = path.replace(/^\.\//, "");
  // A symbolic link has no permissions of its own; what the field says differs from tool to tool.
  const bits = type === "symlink" ? 0o777 : mode;
  return { path: clean, type, mode: bits, uid, gid, size, ...(linkPath === undefined ? {} : { linkPath }) };
}
