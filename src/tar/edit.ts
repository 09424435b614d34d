import type { Bytes } from "../bytes/bytes.ts";
import { BLOCK, padding } from "./block.ts";
import { type HeaderEdit, editHeaders, needsEdit } from "./edit-headers.ts";
import type { TarEntry } from "./entry.ts";
import { blocksOf } from "./raw-header.ts";
import { readTar, type ReadTarOptions } from "./read.ts";

/** What happens to the entries of a tar. */
export interface TarEdit {
  /** False: the entry goes, with its content. */
  readonly keep?: (entry: TarEntry) => boolean;
  /** What changes in the headers of an entry that stays. */
  readonly header?: (entry: TarEntry) => HeaderEdit;
}

/**
 * Rewrites a tar; what the edit does not touch stays as it is, byte for byte.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function* editTar(
  bytes: Bytes,
  edit: TarEdit,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { entry, headers, content } of readTar(bytes, options)) {
    if (edit.keep?.(entry) === false) continue;
    for (const header of editHeaders(headers, edit.header?.(entry) ?? {})) yield* blocksOf(header);
    yield* content();
    const rest = padding(entry.size);
    if (rest > 0) yield Buffer.alloc(rest);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Reads a tar to its end and counts the entries that an edit would change or take away. */
export async function countEdited(bytes: Bytes, edit: TarEdit, options: ReadTarOptions = {}): Promise<number> {
  let count = 0;
  for await (const { entry, headers } of readTar(bytes, options)) {
    if (edit.keep?.(entry) === false || needsEdit(headers, entry, edit.header?.(entry) ?? {})) count += 1;
  }
  return count;
}
