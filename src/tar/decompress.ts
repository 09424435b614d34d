import { createGunzip, createZstdDecompress, constants, type Gunzip, type ZstdDecompress } from "node:zlib";
import type { Bytes } from "../bytes/bytes.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { Compression } from "./compress.ts";

export interface DecompressLimits {
  /** What is unpacked, for messages: a layer by default. */
  readonly what?: string;
  /** Bytes that may come out. {@link Limits.decompressed} by default. */
  readonly total?: number;
  /** Out to in, once more than `free` bytes came out. {@link Limits.decompressionRatio} by default. */
  readonly ratio?: number;
  readonly free?: number;
}

/** What the first bytes of a file say of its compression; anything unknown is "none". */
export function detectCompression(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  const magic = Buffer.from(start.subarray(0, 4));
  if (magic.length < 4) return "none";
  const number = magic.readUInt32LE();
  // Frames, and the skippable frames that may come first (RFC 8878, section 3.1).
  return number === 0xfd2fb528 || (number & 0xfffffff0) >>> 0 === 0x184d2a50 ? "zstd" : "none";
}

/** Counts both sides of a decoder and stops a bomb. */
class Gauge {
  readonly #what: string;
  readonly #total: number;
  readonly #ratio: number;
  readonly #free: number;
  taken = 0;
  #given = 0;

  constructor(limits: DecompressLimits) {
    this.#what = limits.what ?? "layer";
    this.#total = limits.total ?? Limits.decompressed;
    this.#ratio = limits.ratio ?? Limits.decompressionRatio;
    this.#free = limits.free ?? Limits.decompressedFree;
  }

  give(size: number): void {
    this.#given += size;
    if (this.#given > this.#total) {
      throw new OciError("LIMIT_EXCEEDED", `The ${this.#what} unpacks to more than ${this.#total} bytes`);
    }
    if (this.#given > this.#free && this.#given > this.taken * this.#ratio) {
      throw new OciError(
        "LIMIT_EXCEEDED",
        `The ${this.#what} unpacks to more than ${this.#ratio} times its size (${this.#given} bytes out of ${this.taken})`,
      );
    }
  }
}

function damaged(compression: Compression, cause: Error): Error {
  const code = "code" in cause ? String(cause.code) : "";
  if (isOciError(cause) || !/^(?:Z_|ZSTD_|ERR_)/.test(code)) return cause;
  const problem = code === "Z_BUF_ERROR" ? "it is truncated" : "it is damaged, or something follows its end";
  return new OciError("ARCHIVE_INVALID", `Invalid ${compression} stream: ${problem}`, { cause });
}

function createDecoder(compression: "gzip" | "zstd"): Gunzip | ZstdDecompress {
  const chunkSize = 256 * 1024;
  // A window of 128 MiB is what zstd --ultra needs, and the most that a stranger may make us reserve.
  return compression === "gzip"
    ? createGunzip({ chunkSize })
    : createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 27 } });
}

/** Feeds a decoder chunk by chunk, so that it is known where in a chunk its stream ended. */
class Decoder implements Disposable {
  readonly #stream: Gunzip | ZstdDecompress;
  #fed = 0;
  #ended = false;
  #error: Error | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(compression: "gzip" | "zstd") {
    this.#stream = createDecoder(compression);
    this.#stream.on("readable", () => this.#changed());
    this.#stream.on("end", () => {
      this.#ended = true;
      this.#changed();
    });
    this.#stream.on("error", (error) => {
      this.#error = damaged(compression, error);
      this.#changed();
    });
  }

  #changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  /** Hands out what comes until the condition holds; never buffers more than the stream does. */
  async *#drain(until: () => boolean): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const done = until();
      for (;;) {
        const chunk = this.#stream.read() as Buffer | null;
        if (chunk === null) break;
        yield chunk;
      }
      if (this.#error !== undefined) throw this.#error;
      if (done) return;
      // What came about while a chunk was out is not announced again.
      if (!until()) await this.#wake.promise;
    }
  }

  /** Decodes a chunk and returns what of it lies behind the end of this stream. */
  async *write(chunk: Uint8Array): AsyncGenerator<Uint8Array, Uint8Array, undefined> {
    let written = false;
    this.#fed += chunk.length;
    this.#stream.write(chunk, () => {
      written = true;
      this.#changed();
    });
    yield* this.#drain(() => written);
    return chunk.subarray(chunk.length - (this.#fed - this.#stream.bytesWritten));
  }

  /** @throws OciError ARCHIVE_INVALID when the stream is not complete */
  async *end(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#stream.end();
    yield* this.#drain(() => this.#ended);
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }
}

/** All the streams that follow each other: zstd frames one decoder each, gzip members all in one. */
async function* decodeAll(
  bytes: Bytes,
  compression: "gzip" | "zstd",
  gauge: Gauge,
): AsyncGenerator<Uint8Array, void, undefined> {
  let decoder = new Decoder(compression);
  try {
    let started = false;
    for await (const chunk of bytes) {
      gauge.taken += chunk.length;
      let rest = chunk;
      while (rest.length > 0) {
        rest = yield* decoder.write(rest);
        started = true;
        if (rest.length === 0) break;
        if (compression === "gzip") {
          throw new OciError("ARCHIVE_INVALID", "Invalid gzip stream: something follows its end");
        }
        // Node's zstd decoder stops after one frame; pzstd and zstd:chunked write many.
        decoder[Symbol.dispose]();
        decoder = new Decoder(compression);
      }
    }
    if (!started) throw new OciError("ARCHIVE_INVALID", `Invalid ${compression} stream: it is empty`);
    yield* decoder.end();
  } finally {
    decoder[Symbol.dispose]();
  }
}

/**
 * Decompresses a stream: gzip with all its members, zstd with all its frames, "none" as it is.
 * @throws OciError ARCHIVE_INVALID (truncated, damaged, something after the end), LIMIT_EXCEEDED
 */
export async function* decompress(
  bytes: Bytes,
  compression: Compression,
  limits: DecompressLimits = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === "none") {
    yield* bytes;
    return;
  }
  const gauge = new Gauge(limits);
  for await (const chunk of decodeAll(bytes, compression, gauge)) {
    gauge.give(chunk.length);
    yield chunk;
  }
}
