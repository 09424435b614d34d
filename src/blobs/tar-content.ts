import type { FileHandle } from "node:fs/promises";
import type { DiskFile } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Content } from "../store/content.ts";

/** Bytes of a chunk that the receiver owns, and of one that is lent. */
const CHUNK = 256 * 1024;
const LENT_CHUNK = 1024 * 1024;
/** Buffers that take turns: one with the receiver, two that it may still hold, one being filled. */
const TURNS = 4;

/** Bytes of a file from `start` up to `end`, which is one past the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

function buffers(lent: boolean): (length: number) => Uint8Array {
  if (!lent) return (length) => Buffer.allocUnsafeSlow(length);
  const ring: Uint8Array[] = [];
  let turn = 0;
  return (length) => {
    const buffer = (ring[turn] ??= Buffer.allocUnsafeSlow(LENT_CHUNK));
    turn = (turn + 1) % TURNS;
    return buffer.subarray(0, length);
  };
}

/**
 * A part of an archive in large chunks, the next one being read while the receiver works on the last.
 * @throws OciError CONTENT_DAMAGED when the file ends before
 */
export async function* readArchiveSpan(
  file: DiskFile,
  span: Span,
  options: { readonly lent?: boolean; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const lent = options.lent === true;
  const next = buffers(lent);
  const read = async (at: number): Promise<Uint8Array> => {
    const buffer = next(Math.min(lent ? LENT_CHUNK : CHUNK, span.end - at));
    const filled = await file.read(buffer, at);
    if (filled === buffer.length) return buffer;
    throw new OciError("CONTENT_DAMAGED", `The archive ended at byte ${at + filled} while it was being read`);
  };
  let at = span.start;
  let ahead = at < span.end ? read(at) : undefined;
  try {
    while (ahead !== undefined) {
      const chunk = await ahead;
      options.signal?.throwIfAborted();
      at += chunk.length;
      ahead = at < span.end ? read(at) : undefined;
      yield chunk;
    }
  } finally {
    // The file may be closed next: no read may be under way then.
    await ahead?.catch(() => undefined);
  }
}

/** One entry of an archive; the archive stays open when it is disposed. */
export class TarContent implements Content {
  readonly size: number;
  readonly file: { readonly handle: FileHandle; readonly offset: number };
  readonly #file: DiskFile;
  readonly #span: Span;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param entry where the content lies in the file
   * @param part the positions asked for, within the content
   */
  constructor(file: DiskFile, entry: Span, part: Span, signal?: AbortSignal) {
    this.size = entry.end - entry.start;
    this.file = { handle: file.handle, offset: entry.start };
    this.#file = file;
    this.#span = { start: entry.start + part.start, end: entry.start + part.end };
    this.#signal = signal;
  }

  bytes(options: { readonly lent?: boolean } = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return readArchiveSpan(this.#file, this.#span, { lent: options.lent === true, signal: this.#signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Others read the same file.
  }
}
