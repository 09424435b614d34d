import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { Bytes } from "../bytes/bytes.ts";
import { rechunk } from "./rechunk.ts";

export type Compression = "none" | "gzip" | "zstd";

const GZIP_LEVEL = 6;
const ZSTD_LEVEL = 3;
/** Encoders may cut their blocks where their input chunks end, so every input comes in the same chunks. */
const CHUNK = 256 * 1024;

/**
 * The name of what compresses here, with its version and level: equal names give equal
 * bytes for equal input. DiffIDs do not depend on it.
 */
export function codecName(compression: Compression): string {
  switch (compression) {
    case "none":
      return "none";
    case "gzip":
      return `gzip;zlib=${process.versions.zlib};level=${GZIP_LEVEL}`;
    case "zstd":
      return `zstd;zstd=${process.versions["zstd"] ?? "unknown"};level=${ZSTD_LEVEL}`;
  }
}

/** Compresses a stream with fixed settings. */
export function compress(bytes: Bytes, compression: Compression, signal?: AbortSignal): Bytes {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return withoutSystem(through(rechunk(bytes, CHUNK), createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK }), signal));
    case "zstd":
      return through(
        rechunk(bytes, CHUNK),
        createZstdCompress({ chunkSize: CHUNK, params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
        signal,
      );
  }
}

async function* through(
  bytes: Bytes,
  codec: NodeJS.ReadWriteStream & AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const done = pipeline(bytes, codec, signal ? { signal } : {});
  // Its failure comes out of the loop below, or of the last line; without this it would count as unhandled first.
  done.catch(() => undefined);
  try {
    yield* codec;
    await done;
  } catch (error) {
    // A pipeline wraps the reason of an abort; it shall come out as it is.
    signal?.throwIfAborted();
    throw error;
  }
}

/** zlib writes into byte 9 which system it was built for (RFC 1952, "OS"): 255 is "unknown" everywhere. */
async function* withoutSystem(bytes: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for await (const chunk of bytes) {
    if (at <= 9 && at + chunk.length > 9) chunk[9 - at] = 255;
    at += chunk.length;
    yield chunk;
  }
}
