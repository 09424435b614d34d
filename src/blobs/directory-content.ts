import type { FileHandle } from "node:fs/promises";
import { Digester } from "../bytes/hash.ts";
import type { DiskFile } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import type { Content } from "../store/content.ts";

/**
 * Bytes handed out at a time. Unless lent, each chunk is a fresh buffer that the receiver owns:
 * larger ones were measured to cost twice the processor time, in page faults and collections.
 */
const CHUNK = 256 * 1024;

/** The same of lent buffers: they are used over and over, so that larger ones cost nothing. */
const LENT_CHUNK = 1024 * 1024;

/** Bytes hashed at a time, in two buffers that are used over and over. */
const HASH_CHUNK = 1024 * 1024;

interface Span {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

function cutShort(at: number): OciError {
  return new OciError("CONTENT_DAMAGED", `The file ended at byte ${at} while it was being read`);
}

/** Buffers that take turns: one with the receiver, two that it may still hold, one being filled. */
const TURNS = 4;

/** Gives a fresh buffer each time, or lent ones in turn. */
function buffers(lent: boolean, most: number): (length: number) => Uint8Array {
  if (!lent) return (length) => Buffer.allocUnsafeSlow(length);
  const ring: Uint8Array[] = [];
  let turn = 0;
  return (length) => {
    const buffer = (ring[turn] ??= Buffer.allocUnsafeSlow(most));
    turn = (turn + 1) % TURNS;
    return buffer.subarray(0, length);
  };
}

/** Reads a span in large chunks, the next one while the receiver works on the last. */
async function* readSpan(
  file: DiskFile,
  span: Span,
  lent: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const size = Math.min(lent ? LENT_CHUNK : CHUNK, span.end - span.start);
  const next = buffers(lent, size);
  const read = async (at: number): Promise<Uint8Array> => {
    const buffer = next(Math.min(size, span.end - at));
    const filled = await file.read(buffer, at);
    if (filled < buffer.length) throw cutShort(at + filled);
    return buffer;
  };
  let at = span.start;
  let ahead = at < span.end ? read(at) : undefined;
  try {
    while (ahead !== undefined) {
      const chunk = await ahead;
      signal?.throwIfAborted();
      at += chunk.length;
      ahead = at < span.end ? read(at) : undefined;
      yield chunk;
    }
  } finally {
    // The file may be closed next: no read may be under way then.
    await ahead?.catch(() => undefined);
  }
}

/** A blob's file, open. */
export class FileContent implements Content {
  readonly size: number;
  readonly file: { readonly handle: FileHandle; readonly offset: number };
  readonly #file: DiskFile;
  readonly #span: Span;
  readonly #signal: AbortSignal | undefined;

  constructor(file: DiskFile, size: number, span: Span, signal?: AbortSignal) {
    this.size = size;
    this.#file = file;
    this.#span = span;
    this.#signal = signal;
    this.file = { handle: file.handle, offset: 0 };
  }

  bytes(options: { readonly lent?: boolean } = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return readSpan(this.#file, this.#span, options.lent === true, this.#signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

/** Feeds the first `size` bytes of a file to a digester, with two buffers taking turns. */
export async function digestFile(
  file: DiskFile,
  size: number,
  algorithm: Algorithm,
  signal?: AbortSignal,
): Promise<Digester> {
  const digester = new Digester(algorithm);
  const length = Math.min(HASH_CHUNK, size);
  const buffers = [Buffer.allocUnsafeSlow(length), Buffer.allocUnsafeSlow(length)] as const;
  const fill = async (turn: number, at: number): Promise<Uint8Array> => {
    const buffer = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, Math.min(HASH_CHUNK, size - at));
    const filled = await file.read(buffer, at);
    if (filled < buffer.length) throw cutShort(at + filled);
    return buffer;
  };
  let at = 0;
  let ahead = size > 0 ? fill(0, 0) : undefined;
  for (let turn = 1; ahead !== undefined; turn += 1) {
    const chunk = await ahead;
    signal?.throwIfAborted();
    at += chunk.length;
    ahead = at < size ? fill(turn, at) : undefined;
    digester.update(chunk);
  }
  return digester;
}

/** The digest of the first `size` bytes of a file. */
export async function hashFile(
  file: DiskFile,
  size: number,
  algorithm: Algorithm,
  signal?: AbortSignal,
): Promise<Digest> {
  const digester = await digestFile(file, size, algorithm, signal);
  return digester.digest();
}
