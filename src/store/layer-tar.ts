import { OciError, withContext } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { isNonDistributable } from "../spec/media-type.ts";
import type { Bytes } from "../bytes/bytes.ts";
import type { Signal } from "./content.ts";
import type { Source } from "./store.ts";
import type { Compression } from "../tar/compress.ts";
import { decompress, detectCompression } from "../tar/decompress.ts";
import { type OnTarEntry, TarScanner } from "../tar/scan.ts";

/** @throws OciError UNSUPPORTED for layers whose content is not where the image is, or that are no tar */
export function requireTarLayer(layer: Descriptor): void {
  if (isNonDistributable(layer.mediaType)) {
    throw new OciError(
      "UNSUPPORTED",
      `The layer ${layer.digest} is non-distributable: its content is elsewhere, and is not fetched from there`,
      { digest: layer.digest },
    );
  }
  if (/[.+]tar(?:[.+](?:gzip|zstd))?$/.test(layer.mediaType)) return;
  throw new OciError("UNSUPPORTED", `The layer ${layer.digest} is not a tar, but ${layer.mediaType}`, {
    digest: layer.digest,
  });
}

/** Small chunks, as they come over a network, cost a decoder a turn each. */
const GATHERED = 512 * 1024;

/** Passes a stream on in large chunks, all in one buffer: a decoder is done with one before it asks for the next. */
async function* gather(bytes: Bytes, owned: boolean): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(GATHERED);
  let filled = 0;
  for await (const chunk of bytes) {
    let at = 0;
    while (at < chunk.length) {
      const size = Math.min(GATHERED - filled, chunk.length - at);
      buffer.set(chunk.subarray(at, at + size), filled);
      filled += size;
      at += size;
      if (filled < GATHERED) break;
      yield buffer;
      filled = 0;
    }
    if (owned && chunk.byteOffset === 0) release(chunk);
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

async function* withFirst(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/**
 * The tar in a layer. Some builders say gzip of what is none, so the first bytes decide.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, and what the source throws
 */
export async function* layerTar(
  source: Pick<Source, "fetch" | "location">,
  layer: Descriptor,
  signal: Signal,
): Bytes & AsyncGenerator<Uint8Array> {
  requireTarLayer(layer);
  yield* decompress(...(await openBlob(source, layer, signal)));
}

async function openBlob(
  source: Pick<Source, "fetch" | "location">,
  layer: Descriptor,
  signal: Signal,
): Promise<[bytes: Bytes, compression: Compression]> {
  // A decoder is done with a chunk before it asks for the next.
  const chunks = source.fetch(layer, { kind: "blob", lent: true, ...signal })[Symbol.asyncIterator]();
  const first = await chunks.next();
  const start = first.done === true ? new Uint8Array() : first.value;
  const compression = detectCompression(start);
  // What came from a socket is nobody else's.
  const fresh = source.location.medium === "registry";
  const all = withFirst(start, chunks);
  return [compression === "none" || start.length >= GATHERED / 2 ? all : gather(all, fresh), compression];
}

/** Frees a decoder's buffer at once when it is used up: left to garbage collection, they cost as much as the decoding. */
function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && chunk.byteOffset + chunk.length === buffer.byteLength) buffer.transfer(0);
}

/**
 * Reads the headers of a layer's tar in order, and the contents that are asked for.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function scanTar(
  bytes: Bytes,
  layer: Descriptor,
  onEntry: OnTarEntry,
  options: ScanOptions,
): Promise<void> {
  const scanner = new TarScanner(onEntry);
  try {
    for await (const chunk of bytes) {
      options.signal?.throwIfAborted();
      scanner.write(chunk);
      if (options.fresh === true) release(chunk);
    }
    scanner.end();
  } catch (error) {
    throw withContext(error, { digest: layer.digest });
  }
}

interface ScanOptions extends Signal {
  /** The chunks are a decoder's, and nobody else's. */
  readonly fresh?: boolean;
}

/**
 * The same of a layer where it lies.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function scanLayer(
  source: Pick<Source, "fetch" | "location">,
  layer: Descriptor,
  onEntry: OnTarEntry,
  signal: Signal,
): Promise<void> {
  requireTarLayer(layer);
  await scanBlob(source, layer, onEntry, signal);
}

/**
 * The same of a blob, whatever its type says.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function scanBlob(
  source: Pick<Source, "fetch" | "location">,
  blob: Descriptor,
  onEntry: OnTarEntry,
  signal: Signal,
): Promise<void> {
  const [bytes, compression] = await openBlob(source, blob, signal);
  const fresh = compression !== "none";
  await scanTar(decompress(bytes, compression), blob, onEntry, { fresh, ...signal });
}
