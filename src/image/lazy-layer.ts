import type { Bytes } from "../bytes/bytes.ts";
import { fromBuffer } from "../bytes/bytes.ts";
import { limit } from "../bytes/limit.ts";
import { verify } from "../bytes/verify.ts";
import { OciError, withContext } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Range, Signal } from "../store/content.ts";
import { requireTarLayer } from "../store/layer-tar.ts";
import type { Source } from "../store/store.ts";
import { BLOCK, padding } from "../tar/block.ts";
import { decompress, detectCompression } from "../tar/decompress.ts";
import type { TarEntry } from "../tar/entry.ts";
import { TarScanner } from "../tar/scan.ts";
import type { LayerEntry } from "./file-tree.ts";
import { readToc, type TocEntry } from "./layer-toc.ts";

type RangedSource = Pick<Source, "open" | "location">;

/** How layers are read. */
export interface LayerReading extends Signal {
  /** By ranges, where they allow it: less moves, and the digests of the layers are not checked. False by default. */
  readonly lazy?: boolean;
}

/** A layer that is read by ranges. Its digest says nothing of what is read that way. */
export interface LazyLayer {
  readonly entries: readonly LayerEntry[];
  /** The content of the entry that has this place in the tar. */
  content(order: number): Bytes;
}

/** Content that is passed over at least, so that another request costs less than reading on: bytes. */
const WORTH_A_REQUEST = 4 * 1024 * 1024;
const WORTH_A_SEEK = 256 * 1024;

async function* part(source: RangedSource, layer: Descriptor, range: Range, signal: Signal): Bytes {
  await using content = await source.open(layer, { kind: "blob", range, ...signal });
  yield* content.bytes();
}

/**
 * Opens a layer without reading the whole of it: by its table of contents, which the image's manifest names by digest and
 * which has the digest of each file; a tar without compression by its headers, without anything to check them against.
 * @returns undefined where the layer is neither
 * @throws OciError DIGEST_INVALID, ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function openLazily(
  source: RangedSource,
  layer: Descriptor,
  signal: Signal,
): Promise<LazyLayer | undefined> {
  requireTarLayer(layer);
  const toc = await readToc(source, layer, signal);
  if (toc) {
    return {
      entries: toc.entries.map(({ entry }, order) => ({ entry, order })),
      content: (order) => {
        const found = toc.entries[order];
        const packed = found?.file && part(source, layer, found.file.range, signal);
        return packed
          ? fileOf(decompress(packed, toc.compression), found)
          : fromBuffer(found?.bytes ?? Buffer.alloc(0));
      },
    };
  }
  return await walk(source, layer, signal);
}

/** The first bytes of what a range unpacks to are the file; headers of the next may follow. */
function fileOf(bytes: Bytes, { entry, file }: TocEntry): Bytes {
  const { size } = entry;
  const first = cut(bytes, size);
  return file ? verify(first, { mediaType: "", digest: file.digest, size }) : first;
}

async function* cut(bytes: Bytes, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = size;
  for await (const chunk of bytes) {
    yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.length);
    if (left === 0) return;
  }
}

/** Goes from header to header. */
async function walk(source: RangedSource, layer: Descriptor, signal: Signal): Promise<LazyLayer | undefined> {
  const entries: LayerEntry[] = [];
  const starts: number[] = [];
  let end = 0;
  const scanner = new TarScanner((entry: TarEntry, headers) => {
    entries.push({ entry, order: entries.length });
    const blocks = headers.map(({ body }) => BLOCK + (body ? body.length + padding(body.length) : 0));
    const start = blocks.reduce((sum, size) => sum + size, end);
    starts.push(start);
    end = start + entry.size + padding(entry.size);
    return undefined;
  });
  const worth = source.location.medium === "registry" ? WORTH_A_REQUEST : WORTH_A_SEEK;
  try {
    for (let at = 0; at < layer.size;) {
      let dropped = 0;
      const before = at;
      for await (const chunk of part(source, layer, { start: at }, signal)) {
        if (at === 0 && detectCompression(chunk) !== "none") return undefined;
        at += chunk.length;
        if (dropped < chunk.length) scanner.write(chunk.subarray(dropped));
        dropped = Math.max(0, dropped - chunk.length) + scanner.skip();
        if (dropped >= worth) break;
      }
      at += dropped;
      if (at > layer.size || at === before) {
        throw new OciError("ARCHIVE_INVALID", "Invalid tar: it ends in the middle of an entry, so it is truncated");
      }
    }
    scanner.end();
  } catch (error) {
    throw withContext(error, { digest: layer.digest });
  }
  return {
    entries,
    content: (order) => {
      const [start = 0, size = 0] = [starts[order], entries[order]?.entry.size];
      if (size === 0) return fromBuffer(Buffer.alloc(0));
      return limit(part(source, layer, { start, end: start + size - 1 }, signal), { ...layer, size });
    },
  };
}
