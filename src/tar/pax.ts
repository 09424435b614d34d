import { OciError } from "../error/oci-error.ts";

/** One record of a PAX header, and where its value lies in the header's body. */
export interface PaxRecord {
  readonly key: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: a PAX header ${problem}`);
}

/** @throws OciError ARCHIVE_INVALID unless the text is a decimal number */
export function paxTime(text: string): number {
  const value = Number(text);
  if (!/^-?[0-9]+(?:\.[0-9]*)?$/.test(text) || !Number.isFinite(value)) {
    throw invalid(`says the time ${JSON.stringify(text.slice(0, 40))}`);
  }
  return value;
}

/** Fields of an entry that other readers change, or do not, because of a record before all entries. */
const FIELDS = /^(?:path|linkpath|uname|gname|size|uid|gid|mtime|GNU\.sparse\..*)$/;

function checkRecord({ key, value }: PaxRecord): void {
  // NUL bytes cut names short in other readers, so that two tools would see two archives.
  if (key.includes("\0") || (/^(?:path|linkpath|uname|gname)$/.test(key) && value.includes("\0"))) {
    throw invalid(`has a NUL byte in ${JSON.stringify(key.slice(0, 40))}`);
  }
  // An empty value takes a record back (POSIX pax, "pax Extended Header").
  if (value === "") return;
  if (/^(?:size|uid|gid)$/.test(key) && !(/^[0-9]+$/.test(value) && Number.isSafeInteger(Number(value)))) {
    throw invalid(`says ${key}=${JSON.stringify(value.slice(0, 40))}`);
  }
  if (/^[mac]time$/.test(key)) paxTime(value);
}

/**
 * Walks the records of a PAX header, strictly: each as long as it says, its numbers numbers.
 * @throws OciError ARCHIVE_INVALID
 */
export function* paxRecords(body: Buffer): Generator<PaxRecord, void, undefined> {
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const space = body.indexOf(0x20, at);
    const digits = space === -1 || space - at > 10 ? "" : body.toString("latin1", at, space);
    if (!/^[1-9][0-9]*$/.test(digits)) throw invalid("has a record without a length");
    const end = at + Number(digits) - 1;
    const equals = body.indexOf(0x3d, space);
    if (end >= body.length || body[end] !== 0x0a || equals === -1 || equals >= end) {
      throw invalid("has a record of the wrong length");
    }
    const [key, value] = [body.toString("utf8", space + 1, equals), body.toString("utf8", equals + 1, end)];
    const record = { key, value, start: equals + 1, end };
    checkRecord(record);
    yield record;
    at = end + 1;
  }
}

/**
 * Checks the records of a PAX header.
 * @param flag "x" for one entry, "g" for all that follow
 * @throws OciError ARCHIVE_INVALID
 */
export function checkPax(body: Buffer, flag: string): void {
  for (const { key } of paxRecords(body)) {
    if (flag === "g" && FIELDS.test(key)) {
      throw invalid(`says ${key} for all entries, which some tools apply and others do not`);
    }
  }
}

/** One record: its length in decimal, itself included, then key, value and a line feed (POSIX pax). */
export function encodeRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
