import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../../src/bytes/hash.ts";
import type { Annotations } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { entryBytes, type Written } from "./layers.ts";

/** A layer with a table of contents, as builders for lazy pulling write it. */
export interface LazyBytes {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly annotations: Annotations;
}

const TYPES: Readonly<Record<string, string>> = { file: "reg", directory: "dir" };
/** Bytes of a chunk: small, so that files have several. */
const CHUNK = 5;

class LazyWriter {
  readonly #compress: (bytes: Buffer) => Buffer;
  readonly #parts: Buffer[] = [];
  #pending: Buffer = Buffer.alloc(0);
  at = 0;

  constructor(compress: (bytes: Buffer) => Buffer) {
    this.#compress = compress;
  }

  add(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
  }

  flush(): void {
    if (this.#pending.length > 0) this.raw(this.#compress(this.#pending));
    this.#pending = Buffer.alloc(0);
  }

  raw(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.at += bytes.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The entries and their table; a chunk ends where the next begins, in zstd:chunked before the next header. */
function write(writer: LazyWriter, entries: readonly Written[], apart: boolean): Buffer {
  const table: object[] = [];
  for (const each of entries) {
    const { path, text = "", type = "file", linkPath = "", modifiedAt = 0 } = each;
    const whole = entryBytes(each);
    const content = Buffer.from(text);
    const head = whole.length - content.length - ((512 - (content.length % 512)) % 512);
    writer.add(whole.subarray(0, head));
    const described: Record<string, unknown> = {
      type: TYPES[type] ?? type,
      name: path,
      mode: type === "directory" ? 0o755 : 0o644,
      modtime: new Date(modifiedAt * 1000).toISOString(),
      ...(linkPath === "" ? {} : { linkName: linkPath }),
      ...(type === "file" ? { size: content.length, digest: digestOf(content) } : {}),
    };
    table.push(described);
    for (let at = 0; at < content.length; at += CHUNK) {
      writer.flush();
      const chunk = { offset: writer.at, chunkOffset: at, chunkSize: Math.min(CHUNK, content.length - at) };
      if (at === 0) Object.assign(described, chunk);
      else table.push({ type: "chunk", name: path, ...chunk });
      writer.add(content.subarray(at, at + CHUNK));
    }
    if (apart && content.length > 0) {
      writer.flush();
      described["endOffset"] = writer.at;
    }
    writer.add(whole.subarray(head + content.length));
  }
  return Buffer.from(JSON.stringify({ version: 1, entries: table }));
}

/** eStargz, as the stargz snapshotter's format document has it. */
export function stargz(entries: readonly Written[]): LazyBytes {
  const writer = new LazyWriter((bytes) => gzipSync(bytes));
  const table = write(writer, entries, false);
  writer.flush();
  const start = writer.at;
  const file = entryBytes({ path: "stargz.index.json", text: table.toString() });
  writer.raw(gzipSync(Buffer.concat([file, Buffer.alloc(1024)])));
  const extra = Buffer.from(`SG\u0016\0${start.toString(16).padStart(16, "0")}STARGZ`, "latin1");
  const header = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, extra.length, 0]);
  writer.raw(Buffer.concat([header, extra, Buffer.from([1, 0, 0, 0xff, 0xff]), Buffer.alloc(8)]));
  const annotations = { "containerd.io/snapshot/stargz/toc.digest": digestOf(table) };
  return { bytes: writer.bytes, mediaType: MediaType.LayerGzip, annotations };
}

/** zstd:chunked, as containers/storage writes it. */
export function chunked(entries: readonly Written[], prefix = "io.github.containers.zstd-chunked."): LazyBytes {
  const writer = new LazyWriter((bytes) => zstdCompressSync(bytes));
  const table = write(writer, entries, true);
  writer.add(Buffer.alloc(1024));
  writer.flush();
  const packed = zstdCompressSync(table);
  const frame = Buffer.alloc(8);
  frame.writeUInt32LE(0x184d2a50);
  frame.writeUInt32LE(packed.length, 4);
  const annotations = {
    [`${prefix}manifest-checksum`]: digestOf(packed),
    [`${prefix}manifest-position`]: `${writer.at + 8}:${packed.length}:${table.length}:1`,
  };
  writer.raw(Buffer.concat([frame, packed]));
  return { bytes: writer.bytes, mediaType: MediaType.LayerZstd, annotations };
}
