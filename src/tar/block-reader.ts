import type { Bytes } from "../bytes/bytes.ts";
import { isZero, MAX_TRAILER } from "./block.ts";
import { OciError } from "../error/oci-error.ts";

function truncated(): OciError {
  return new OciError("ARCHIVE_INVALID", "Invalid tar: it ends in the middle of an entry, so it is truncated");
}

/** A stream that can pass over bytes without reading them. */
export interface SkippableBytes extends Bytes {
  /** Passes over so many of the bytes that follow the last chunk, or all there are; returns how many that were. */
  skip(size: number): number;
}

/** Takes exact amounts out of a stream. */
export class BlockReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #pass: ((size: number) => number) | undefined;
  #rest: Uint8Array = new Uint8Array();
  #offset = 0;
  #left = 0;

  constructor(bytes: Bytes | SkippableBytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
    this.#pass = "skip" in bytes ? (size) => bytes.skip(size) : undefined;
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** The next chunk of at most `limit` bytes; undefined at the end. */
  async #next(limit: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const result = await this.#chunks.next();
      if (result.done === true) return undefined;
      this.#rest = result.value;
    }
    const chunk = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(chunk.length);
    this.#offset += chunk.length;
    return chunk;
  }

  /** @throws OciError ARCHIVE_INVALID when the stream ends before */
  async take(size: number): Promise<Buffer> {
    const block = await this.takeOrEnd(size);
    if (!block) throw truncated();
    return block;
  }

  /**
   * The same; undefined when the stream ended just here.
   * @throws OciError ARCHIVE_INVALID when it ends in between
   */
  async takeOrEnd(size: number): Promise<Buffer | undefined> {
    const block = Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const chunk = await this.#next(size - filled);
      if (!chunk && filled === 0) return undefined;
      if (!chunk) throw truncated();
      block.set(chunk, filled);
      filled += chunk.length;
    }
    return block;
  }

  /** The next `size` bytes as a stream; what is not taken of it is passed over by {@link skip}. */
  content(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    this.#left = size;
    return this.#content();
  }

  async *#content(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#left > 0) {
      const chunk = await this.#next(this.#left);
      if (!chunk) throw truncated();
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  /** Ends a content, read or not, and passes over its padding; that may be missing at the end where `lenient`. */
  async skip(content: AsyncGenerator<Uint8Array, void, undefined>, padding: number, lenient: boolean): Promise<void> {
    await content.return();
    await this.#drop(this.#left, false);
    this.#left = 0;
    await this.#drop(padding, lenient);
  }

  async #drop(size: number, lenient: boolean): Promise<void> {
    let left = size;
    while (left > 0) {
      if (this.#pass && this.#rest.length === 0) {
        const passed = this.#pass(left);
        this.#offset += passed;
        left -= passed;
        if (left === 0) return;
      }
      const chunk = await this.#next(left);
      if (!chunk && lenient) return;
      if (!chunk) throw truncated();
      left -= chunk.length;
    }
  }

  /** Reads to the end. @throws OciError ARCHIVE_INVALID when anything but zeros comes */
  async restIsZero(): Promise<void> {
    const end = this.#offset + MAX_TRAILER;
    for (;;) {
      const chunk = await this.#next(Number.MAX_SAFE_INTEGER);
      if (!chunk) return;
      if (this.#offset > end || !isZero(chunk)) {
        throw new OciError("ARCHIVE_INVALID", "Invalid tar: something follows its end");
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}
