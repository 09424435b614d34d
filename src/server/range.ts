/** A part of content: inclusive positions, inside it. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

const ONE = /^bytes=\s*(\d{0,20})-(\d{0,20})\s*$/i;

/**
 * Reads the Range header of a GET (RFC 9110 section 14). Undefined: send it whole, for
 * units and forms that are not known and for several ranges. "unsatisfiable" also for
 * `500-0`, which the RFC would have ignored: a client that asks for it is in error.
 */
export function parseRange(text: string | undefined, size: number): Part | "unsatisfiable" | undefined {
  const match = text === undefined ? null : ONE.exec(text);
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start >= size || end < start ? "unsatisfiable" : { start, end };
}

/** `start-end` of an upload's Content-Range (distribution-spec, "Pushing a blob in chunks"). */
const CHUNK = /^(?:bytes[ =])?(\d{1,40})-(\d{1,40})(?:\/(?:\d{1,40}|\*))?$/;

/**
 * Reads the Content-Range of a chunk; Docker's `bytes a-b/size` is understood too.
 * Undefined: no range at all. Whether it fits the upload and the body is the caller's to check.
 */
export function parseChunkRange(text: string): Part | undefined {
  const match = CHUNK.exec(text.trim());
  return match ? { start: Number(match[1]), end: Number(match[2]) } : undefined;
}
