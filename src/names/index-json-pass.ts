import { join } from "node:path";
import type { Disk, DiskFile, EntryStat } from "../disk/disk.ts";
import { discard } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import { encodeJson, type JsonObject, parseJson } from "../spec/json.ts";
import {
  emptyLayoutIndex,
  encodeLayoutIndex,
  type LayoutEntry,
  parseLayoutEntry,
  parseLayoutIndex,
} from "../spec/layout-index.ts";
import { type IndexPiece, IndexSplitter } from "./index-json-stream.ts";

/** Bytes read and written at a time: some hundred entries. */
const CHUNK = 128 * 1024;

/** What becomes of an entry: "keep" is its bytes as they are. */
export type Fate = "keep" | "drop" | LayoutEntry;

/** What one pass over an index.json does to it. */
export interface IndexPass {
  /** Called for each entry, in their order. */
  fate(entry: LayoutEntry): Fate;
  /** Called after the last one: what is added. */
  added(): Iterable<LayoutEntry> | AsyncIterable<LayoutEntry>;
}

/** An index.json as it lies on the disk, told by what the file system says of it. */
export interface PassResult {
  readonly stat: EntryStat;
  readonly changed: boolean;
}

/**
 * Reads the entries of an index.json one chunk after another; returns what the file was then,
 * undefined when there is none.
 * @throws OciError LAYOUT_INVALID, IO
 */
export async function* readIndex(
  disk: Disk,
  root: string,
): AsyncGenerator<readonly LayoutEntry[], EntryStat | undefined, undefined> {
  const opened = await openIndex(disk, root);
  if (opened === undefined) return undefined;
  await using file = opened.file;
  let at = 0;
  for await (const pieces of cut(file)) {
    const entries: LayoutEntry[] = [];
    for (const piece of pieces) if (piece.kind === "entry") entries.push(entryOf(piece.bytes, at++));
    if (entries.length > 0) yield entries;
  }
  return opened.stat;
}

/**
 * Passes over an index.json once, from the file that is there to the one that takes its place:
 * temporary file, fsync, rename, fsync of the directory. Memory does not depend on its length.
 * The caller holds the layout's lock and has read the file ({@link readIndex}), so its entries are taken as they
 * are. A file that is not there counts as one without entries; where nothing changes it stays as it is.
 * @throws OciError LAYOUT_INVALID, IO, NO_SPACE
 */
export async function passIndex(disk: Disk, root: string, pass: IndexPass): Promise<PassResult> {
  const temporary = join(root, ".berth", "index.json.new");
  const opened = await openIndex(disk, root);
  try {
    await disk.unlink(temporary);
    const made = await disk.open(temporary, "create");
    if (made === undefined) throw new OciError("INTERNAL", `${JSON.stringify(temporary)} could not be made`);
    await using target = made;
    let changed: boolean;
    if (opened === undefined) {
      changed = await copyEntries(nothing(), new ChunkWriter(target), pass);
    } else {
      await using source = opened.file;
      changed = await copyEntries(cut(source), new ChunkWriter(target), pass);
    }
    if (!changed && opened !== undefined) {
      await discard(disk, temporary);
      return { stat: opened.stat, changed };
    }
    await target.datasync();
    await disk.rename(temporary, join(root, "index.json"));
    const stat = await target.stat();
    await disk.syncDirectory(root);
    return { stat, changed: true };
  } catch (error) {
    await discard(disk, temporary);
    throw error;
  }
}

interface OpenIndex {
  readonly file: DiskFile;
  readonly stat: EntryStat;
}

async function openIndex(disk: Disk, root: string): Promise<OpenIndex | undefined> {
  const path = join(root, "index.json");
  const there = await disk.lstat(path);
  if (there === undefined) return undefined;
  if (there.type !== "file") throw new OciError("LAYOUT_INVALID", `${JSON.stringify(path)} is not a regular file`);
  const file = await disk.open(path, "read");
  if (file === undefined) return undefined;
  try {
    return { file, stat: await file.stat() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Cuts a file into its pieces, those of one chunk together. */
async function* cut(file: DiskFile): AsyncGenerator<Iterable<IndexPiece>, void, undefined> {
  const splitter = new IndexSplitter();
  const buffer = Buffer.allocUnsafe(CHUNK);
  let position = 0;
  for (;;) {
    const size = await file.read(buffer, position);
    position += size;
    yield splitter.push(buffer.subarray(0, size));
    if (size < buffer.length) break;
  }
  yield [splitter.end()];
}

async function* nothing(): AsyncGenerator<Iterable<IndexPiece>, void, undefined> {
  yield [{ kind: "whole", bytes: Buffer.from(encodeLayoutIndex(emptyLayoutIndex)) }];
}

/** The two ends of a document that had no list. */
function endsOf(whole: Buffer): readonly [head: Buffer, tail: Buffer] {
  const bytes = Buffer.from(encodeLayoutIndex({ ...parseLayoutIndex(whole), entries: [] }));
  // The list is the last field that is written: `…"manifests":[]}`.
  return [bytes.subarray(0, -2), bytes.subarray(-2)];
}

function entryOf(bytes: Uint8Array, at: number): LayoutEntry {
  const where = `manifests[${at}]`;
  return parseLayoutEntry(parseJson(bytes, `index.json at ${where}`, "LAYOUT_INVALID"), where);
}

/** The same of one that was read before and found right: only that it is JSON is looked at again. */
function knownEntryOf(bytes: Buffer, at: number): LayoutEntry {
  try {
    const json = JSON.parse(bytes.toString()) as JsonObject;
    return { descriptor: json as unknown as LayoutEntry["descriptor"], json };
  } catch (cause) {
    throw new OciError("LAYOUT_INVALID", `Invalid index.json at manifests[${at}]: not JSON`, { cause });
  }
}

/** Moves the entries over; tells whether any of them changed, went or came. */
async function copyEntries(
  chunks: AsyncIterable<Iterable<IndexPiece>>,
  target: ChunkWriter,
  pass: IndexPass,
): Promise<boolean> {
  let changed = false;
  let at = 0;
  const end = async (tail: Buffer): Promise<void> => {
    for await (const entry of pass.added()) {
      changed = true;
      target.entry(encodeJson(entry.json));
      await target.flush(false);
    }
    target.raw(tail);
  };
  for await (const pieces of chunks) {
    for (const { kind, bytes } of pieces) {
      switch (kind) {
        case "head":
          target.raw(bytes);
          break;
        case "entry": {
          const fate = pass.fate(knownEntryOf(bytes, at++));
          if (fate !== "keep") changed = true;
          if (fate !== "drop") target.entry(fate === "keep" ? bytes : encodeJson(fate.json));
          break;
        }
        case "tail":
          await end(bytes);
          break;
        case "whole": {
          const [head, tail] = endsOf(bytes);
          target.raw(head);
          await end(tail);
          break;
        }
      }
    }
    await target.flush(false);
  }
  await target.flush(true);
  return changed;
}

/** Gathers small pieces into large writes. */
class ChunkWriter {
  readonly #file: DiskFile;
  #parts: Uint8Array[] = [];
  #gathered = 0;
  #position = 0;
  #entries = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#gathered += bytes.length;
  }

  entry(bytes: Uint8Array): void {
    if (this.#entries++ > 0) this.raw(Buffer.from(","));
    this.raw(bytes);
  }

  async flush(all: boolean): Promise<void> {
    if (this.#gathered === 0 || (!all && this.#gathered < CHUNK)) return;
    const bytes = Buffer.concat(this.#parts, this.#gathered);
    this.#parts = [];
    this.#gathered = 0;
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
  }
}
