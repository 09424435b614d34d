import type { DiskFile } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import type { Range } from "../store/content.ts";

/**
 * Bytes handed out at a time. Unless lent, each chunk is a fresh buffer that the receiver owns:
 * larger ones were measured to cost twice the processor time, in page faults and collections.
 */
const CHUNK = 256 * 1024;

/** The same of lent buffers: they are used over and over, so that larger ones cost nothing. */
const LENT_CHUNK = 1024 * 1024;

/** Buffers that take turns: one with the receiver, two that it may still hold, one being filled. */
const TURNS = 4;

/** Bytes from `start` up to `end`, which is one past the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ReadSpanOptions {
  /** The buffers are used again: a chunk is the receiver's until it has asked for the third after it. */
  readonly lent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What the file is, for messages. */
  readonly what?: "file" | "archive";
}

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

/**
 * Reads a span in large chunks, the next one while the receiver works on the last.
 * @throws OciError CONTENT_DAMAGED when the file ends before
 */
export async function* readSpan(
  file: DiskFile,
  span: Span,
  { lent = false, signal, what = "file" }: ReadSpanOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const size = Math.min(lent ? LENT_CHUNK : CHUNK, span.end - span.start);
  const next = buffers(lent, size);
  const read = async (at: number): Promise<Uint8Array> => {
    const buffer = next(Math.min(size, span.end - at));
    const filled = await file.read(buffer, at);
    if (filled < buffer.length) throw cutShort(what, at + filled);
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

export function cutShort(what: "file" | "archive", at: number): OciError {
  return new OciError("CONTENT_DAMAGED", `The ${what} ended at byte ${at} while it was being read`);
}

/**
 * What a range, whose end is the last byte, means of content of so many bytes.
 * @throws OciError RANGE_INVALID
 */
export function spanOf(range: Range | undefined, size: number, digest: Digest): Span {
  if (range === undefined) return { start: 0, end: size };
  const last = range.end ?? size - 1;
  if (range.start < 0 || range.start >= size || last < range.start) {
    throw new OciError(
      "RANGE_INVALID",
      `The range ${range.start}-${range.end ?? ""} is outside of ${digest}, which has ${size} bytes`,
      { digest },
    );
  }
  return { start: range.start, end: Math.min(last + 1, size) };
}
