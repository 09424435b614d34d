import type { Bytes } from "../bytes/bytes.ts";
import { BLOCK, padding } from "./block.ts";
import { numberField } from "./header.ts";
import { paxRecords, paxTime } from "./pax.ts";
import { blocksOf, type RawHeader } from "./raw-header.ts";
import { readTar, type ReadTarOptions } from "./read.ts";

/** Access and change times come from the same clock, and would tell what the modification time no longer does. */
const PAX_TIMES = /^[mac]time$/;

/** The block with another time and the checksum of that (POSIX pax, "ustar Interchange Format"). */
function withTime(block: Buffer, seconds: number): Buffer {
  const copy = Buffer.from(block);
  copy.write(`${seconds.toString(8).padStart(11, "0")}\0`, 136, "latin1");
  copy.fill(" ", 148, 156);
  const sum = copy.reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return copy;
}

/** The body with its times written over in place, so that all lengths and all binary values stay. */
function clampRecords(body: Buffer, max: number): Buffer {
  const copy = Buffer.from(body);
  for (const { key, value, start, end } of paxRecords(body)) {
    if (!PAX_TIMES.test(key) || value === "" || paxTime(value) <= max) continue;
    copy.write(String(max).padStart(end - start, "0"), start, "latin1");
  }
  return copy;
}

function clampHeader({ block, flag, body }: RawHeader, max: number): Buffer[] {
  const own = numberField(block, "mtime") > max ? withTime(block, max) : block;
  if (body === undefined) return [own];
  return blocksOf({ block: own, body: flag === "x" || flag === "g" ? clampRecords(body, max) : body });
}

/**
 * Rewrites a tar so that no entry is newer than a time; all else stays as it is.
 * @param max seconds since 1970, a whole number; earlier times are taken as 0, the least a header holds
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function* clampTimes(
  bytes: Bytes,
  max: number,
  options: ReadTarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { entry, headers, content } of readTar(bytes, options)) {
    for (const header of headers) yield* clampHeader(header, Math.max(0, max));
    yield* content();
    const rest = padding(entry.size);
    if (rest > 0) yield Buffer.alloc(rest);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Reads a tar to its end and counts the entries that are newer than a time, which counts as in {@link clampTimes}. */
export async function countNewer(bytes: Bytes, max: number, options: ReadTarOptions = {}): Promise<number> {
  let count = 0;
  for await (const { entry } of readTar(bytes, options)) if (entry.modifiedAt > Math.max(0, max)) count += 1;
  return count;
}
