import { mkdtemp, open, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../spec/digest.ts";
import { compress } from "../tar/compress.ts";
import { fileBytes } from "../tar/file.ts";
import { Meter } from "../tar/measure.ts";
import { treeEntries } from "../tar/tree.ts";
import { type TarInput, writeTar } from "../tar/write.ts";
import type { Signal } from "../store/content.ts";
import type { Part } from "./file.ts";

/** A folder packed as a layer, in a temporary file until it is disposed. */
export interface FolderPart extends Part, AsyncDisposable {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
}

/** Only the folder and what is in it: others refuse to unpack an entry for a folder above it. */
async function* below(inputs: AsyncIterable<TarInput>, title: string): AsyncIterable<TarInput> {
  for await (const input of inputs) {
    if (input.entry.path === title || input.entry.path.startsWith(`${title}/`)) yield input;
  }
}

/**
 * Packs a folder the way it is unpacked elsewhere too: a gzipped tar whose paths
 * all start with the title. Times and owners are left out, so that the same
 * folder gives the same layer. It is written to a temporary file, since it has
 * to be read again, and compressing twice would cost more.
 * @throws OciError FILE_INVALID
 */
export async function folderPart(
  path: string,
  title: string,
  mediaType: string,
  options: Signal = {},
): Promise<FolderPart> {
  const directory = await mkdtemp(join(tmpdir(), "berth-pack-"));
  const waits = options.signal === undefined ? {} : { signal: options.signal };
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const file = join(directory, "layer");
    const plain = new Meter();
    const packed = new Meter();
    const entries = treeEntries({ source: await realpath(path), target: title, ...waits });
    const tar = plain.measure(writeTar(below(entries, title)));
    await using handle = await open(file, "wx", 0o600);
    for await (const chunk of packed.measure(compress(tar, "gzip", options.signal))) await handle.writeFile(chunk);
    return {
      descriptor: { mediaType, ...packed.result },
      diffId: plain.result.digest,
      source: ({ offset = 0 } = {}) => fileBytes(file, { ...waits, offset }),
      explain: (error) => Promise.resolve(error),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
