import type { FileHandle } from "node:fs/promises";
import { Digester } from "../bytes/hash.ts";
import type { DiskFile } from "../disk/disk.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import type { Content } from "../store/content.ts";
import { cutShort, readSpan, type Span } from "./file-span.ts";

/** Bytes hashed at a time, in two buffers that are used over and over. */
const HASH_CHUNK = 1024 * 1024;

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
    return readSpan(this.#file, this.#span, { lent: options.lent, signal: this.#signal });
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
    if (filled < buffer.length) throw cutShort("file", at + filled);
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
