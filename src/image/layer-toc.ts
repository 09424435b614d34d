import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { fromBuffer } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { digestOf } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type Digest, isDigest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { arrayField } from "../spec/json-edit.ts";
import { Limits } from "../spec/limits.ts";
import type { Range, Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import type { Compression } from "../tar/compress.ts";
import type { TarEntry, TarEntryType } from "../tar/entry.ts";
import { readTar } from "../tar/read.ts";

/** Where the content of a file lies in the compressed layer: decompressed from there, its first bytes are the file. */
export interface TocFile {
  readonly range: Range;
  readonly digest: Digest;
}

export interface TocEntry {
  readonly entry: TarEntry;
  /** Of a file that is not empty. */
  readonly file?: TocFile;
  /** Of the table itself, where it is a file of the layer as well. */
  readonly bytes?: Uint8Array;
}

/** What a layer's table of contents says of it. */
export interface LayerToc {
  readonly compression: Compression;
  readonly entries: readonly TocEntry[];
}

/** The names that the two annotations of zstd:chunked go by, the one of today first. */
const CHUNKED = ["io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."] as const;
const STARGZ = "containerd.io/snapshot/stargz/toc.digest";
/** An empty gzip member whose extra field says where the table begins (eStargz, "Footer"). */
const FOOTER = 51;

const TYPES: Readonly<Record<string, TarEntryType>> = {
  reg: "file",
  dir: "directory",
  symlink: "symlink",
  hardlink: "hardlink",
  char: "character-device",
  block: "block-device",
  fifo: "fifo",
};

type Read = (range: Range, what: string) => Promise<Uint8Array>;

function invalid(layer: Descriptor, problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid table of contents of layer ${layer.digest}: ${problem}`, {
    digest: layer.digest,
  });
}

function requireDigest(layer: Descriptor, bytes: Uint8Array, expected: string): void {
  if (isDigest(expected) && digestOf(bytes) === expected) return;
  throw new OciError("DIGEST_INVALID", `The table of contents of layer ${layer.digest} is not ${expected}`, {
    digest: layer.digest,
    hint: "Without --lazy the layer itself is read",
  });
}

function numberOf(layer: Descriptor, object: JsonObject, key: string): number {
  const value = object[key] ?? 0;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(layer, `${key} is no size or offset`);
}

function textOf(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === "string" ? value : "";
}

function entryOf(layer: Descriptor, object: JsonObject): TarEntry {
  const type = TYPES[textOf(object, "type")];
  if (type === undefined) throw invalid(layer, `an entry has the type ${JSON.stringify(object["type"])}`);
  const time = Date.parse(textOf(object, "modtime"));
  const link = textOf(object, "linkName");
  return {
    path: textOf(object, "name").replace(/(?<=[^/])\/+$/, ""),
    type,
    mode: numberOf(layer, object, "mode") & 0o7777,
    uid: numberOf(layer, object, "uid"),
    gid: numberOf(layer, object, "gid"),
    userName: textOf(object, "userName"),
    groupName: textOf(object, "groupName"),
    modifiedAt: Number.isNaN(time) ? 0 : time / 1000,
    size: type === "file" ? numberOf(layer, object, "size") : 0,
    ...(link === "" ? {} : { linkPath: link }),
  };
}

/**
 * The entries of a table.
 * @param end where the compressed content ends
 * @returns undefined where a file's content is not one piece of the layer
 */
function parseToc(layer: Descriptor, bytes: Uint8Array, end: number): readonly TocEntry[] | undefined {
  const table = parseJson(bytes, "table of contents");
  if (!isJsonObject(table) || table["version"] !== 1) throw invalid(layer, "expected version 1");
  const objects = arrayField(table, "entries").filter(isJsonObject);
  // Holes are no bytes, and a member of many small files begins with another one.
  if (objects.some((each) => textOf(each, "chunkType") === "zeros" || each["innerOffset"])) return undefined;
  const starts = objects.map((each) => numberOf(layer, each, "offset")).filter((offset) => offset > 0);
  const sorted = [...new Set([...starts, end])].toSorted((one, other) => one - other);
  const chunked = new Map<string, number>();
  for (const each of objects) {
    if (textOf(each, "type") === "chunk") chunked.set(textOf(each, "name"), numberOf(layer, each, "offset"));
  }
  return objects.flatMap((object): TocEntry[] => {
    if (textOf(object, "type") === "chunk") return [];
    const entry = entryOf(layer, object);
    if (entry.type !== "file" || entry.size === 0) return [{ entry }];
    const [start, digest] = [numberOf(layer, object, "offset"), textOf(object, "digest")];
    const last = Math.max(start, chunked.get(textOf(object, "name")) ?? 0);
    const after = numberOf(layer, object, "endOffset") || sorted[upperBound(sorted, last)] || 0;
    if (start === 0 || after <= start || after > end) throw invalid(layer, "a file lies outside the layer");
    if (!isDigest(digest)) throw invalid(layer, "a file has no digest");
    return [{ entry, file: { range: { start, end: after - 1 }, digest } }];
  });
}

/** The first of sorted numbers that is larger. */
function upperBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function readChunked(layer: Descriptor, prefix: string, read: Read): Promise<LayerToc | undefined> {
  const { annotations = {} } = layer;
  const position = /^(\d{1,15}):(\d{1,15}):(\d{1,15}):1$/.exec(annotations[`${prefix}manifest-position`] ?? "");
  if (!position) return undefined;
  const [start = 0, length = 0, size = 0] = position.slice(1).map(Number);
  if (length === 0 || start + length > layer.size) throw invalid(layer, "it lies outside the layer");
  requireRoom(Math.max(length, size));
  const packed = await read({ start, end: start + length - 1 }, "table of contents");
  requireDigest(layer, packed, annotations[`${prefix}manifest-checksum`] ?? "");
  const entries = parseToc(layer, zstdDecompressSync(packed, { maxOutputLength: size }), start);
  return entries && { compression: "zstd", entries };
}

async function readStargz(layer: Descriptor, expected: string, read: Read): Promise<LayerToc | undefined> {
  if (layer.size <= FOOTER) return undefined;
  const footer = Buffer.from(await read({ start: layer.size - FOOTER, end: layer.size - 1 }, "footer"));
  const hex = footer.toString("latin1", 16, 32);
  // The field's name, its length, the offset, and a word that ends it.
  const isFooter = footer.toString("latin1", 12, 14) === "SG" && footer.readUInt16LE(14) === 22;
  if (!isFooter || footer.toString("latin1", 32, 38) !== "STARGZ" || !/^[0-9a-f]{16}$/.test(hex)) return undefined;
  const start = Number.parseInt(hex, 16);
  const length = layer.size - FOOTER - start;
  if (length <= 0) throw invalid(layer, "it lies outside the layer");
  requireRoom(length);
  const tar = gunzipSync(await read({ start, end: start + length - 1 }, "table of contents"), {
    maxOutputLength: Limits.layerToc,
  });
  for await (const { entry, content } of readTar(fromBuffer(tar), { endRequired: false })) {
    if (entry.path !== "stargz.index.json") break;
    const table = await collect(content(), Limits.layerToc, "table of contents");
    requireDigest(layer, table, expected);
    const entries = parseToc(layer, table, start);
    // The table is a file of the layer too.
    return entries && { compression: "gzip", entries: [...entries, { entry, bytes: table }] };
  }
  throw invalid(layer, "there is none where the footer says");
}

function requireRoom(size: number): void {
  if (size <= Limits.layerToc) return;
  throw new OciError("LIMIT_EXCEEDED", `The layer's table of contents has more than ${Limits.layerToc} bytes`);
}

/**
 * Reads the table of contents that eStargz and zstd:chunked layers carry for lazy pulling. It is the one that the
 * descriptor's annotations name by digest.
 * @returns undefined where there is none, or where it is of no use
 * @throws OciError DIGEST_INVALID, ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function readToc(
  source: Pick<Source, "open">,
  layer: Descriptor,
  signal: Signal,
): Promise<LayerToc | undefined> {
  const { annotations = {} } = layer;
  const read: Read = async (range, what) => {
    await using content = await source.open(layer, { kind: "blob", range, ...signal });
    return await collect(content.bytes(), (range.end ?? layer.size) - range.start + 1, what);
  };
  const prefix = CHUNKED.find((each) => annotations[`${each}manifest-position`] !== undefined);
  if (prefix !== undefined) return await readChunked(layer, prefix, read);
  const expected = annotations[STARGZ];
  return expected === undefined ? undefined : await readStargz(layer, expected, read);
}
