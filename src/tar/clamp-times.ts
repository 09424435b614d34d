import type { Bytes } from "../bytes/bytes.ts";
import { BLOCK, decodeHeader, sealHeader, setModifiedAt } from "./header.ts";
import { decodePax, encodePax, paxTime } from "./pax.ts";
import { type RawHeader, readTar, type ReadTarOptions } from "./read.ts";
import { padding } from "./write.ts";

/** Access and change times come from the same clock, and would tell what the modification time no longer does. */
const PAX_TIMES = ["mtime", "atime", "ctime"] as const;

function clampBlock(block: Buffer, max: number): Buffer {
  const copy = Buffer.from(block);
  if (decodeHeader(block).modifiedAt > max) setModifiedAt(copy, max);
  return copy;
}

function clampHeader({ block, flag, body }: RawHeader, max: number): Buffer {
  const own = clampBlock(block, max);
  if (body === undefined) return own;
  let content = body;
  if (flag === "x" || flag === "g") {
    const records = decodePax(body);
    for (const key of PAX_TIMES) {
      const value = records.get(key);
      if (value !== undefined && value !== "" && paxTime(value) > max) records.set(key, String(max));
    }
    content = encodePax(records);
    own.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124, 12, "latin1");
    sealHeader(own);
  }
  return Buffer.concat([own, content, Buffer.alloc(padding(content.length))]);
}

/**
 * Rewrites a tar so that no entry is newer than a time; all else stays as it is.
 * @param max seconds since 1970, a whole number
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function* clampTimes(
  bytes: Bytes,
  max: number,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { entry, headers, content } of readTar(bytes, options)) {
    for (const header of headers) yield clampHeader(header, max);
    yield* content();
    const rest = padding(entry.size);
    if (rest > 0) yield Buffer.alloc(rest);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Reads a tar to its end and counts the entries that are newer than a time. */
export async function countNewer(bytes: Bytes, max: number, options: ReadTarOptions = {}): Promise<number> {
  let count = 0;
  for await (const { entry } of readTar(bytes, options)) if (entry.modifiedAt > max) count += 1;
  return count;
}
