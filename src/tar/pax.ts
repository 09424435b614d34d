import { OciError } from "../error/oci-error.ts";

/** Records of a PAX extended header, in order. */
export type PaxRecords = ReadonlyMap<string, string>;

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: a PAX header ${problem}`);
}

/** One record: its length counts itself (POSIX pax, "pax Extended Header"). */
function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(body);
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length = bytes + String(length).length;
  return `${length}${body}`;
}

export function encodePax(records: PaxRecords): Buffer {
  let text = "";
  for (const [key, value] of records) text += record(key, value);
  return Buffer.from(text, "utf8");
}

/**
 * Reads the records of a PAX header. Values stay text: a path of digits is a path.
 * @throws OciError ARCHIVE_INVALID
 */
export function decodePax(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const space = bytes.indexOf(0x20, at);
    const digits = space === -1 || space - at > 10 ? "" : bytes.toString("latin1", at, space);
    if (!/^[1-9][0-9]*$/.test(digits)) throw invalid("has a record without a length");
    const end = at + Number(digits);
    const equals = bytes.indexOf(0x3d, space);
    if (end > bytes.length || bytes[end - 1] !== 0x0a || equals === -1 || equals >= end) {
      throw invalid("has a record of the wrong length");
    }
    const key = bytes.toString("utf8", space + 1, equals);
    const value = bytes.toString("utf8", equals + 1, end - 1);
    // NUL bytes cut names short in other readers, so that two tools would see two archives.
    if (key.includes("\0") || (/^(?:path|linkpath|uname|gname)$/.test(key) && value.includes("\0"))) {
      throw invalid(`has a NUL byte in ${JSON.stringify(key.slice(0, 40))}`);
    }
    records.set(key, value);
    at = end;
  }
  return records;
}

/** @throws OciError ARCHIVE_INVALID unless the text is a whole, non-negative number within 2^53 */
export function paxInteger(text: string, key: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value))
    throw invalid(`says ${key}=${JSON.stringify(text.slice(0, 40))}`);
  return value;
}

/** @throws OciError ARCHIVE_INVALID unless the text is a decimal number */
export function paxTime(text: string): number {
  const value = Number(text);
  if (!/^-?[0-9]+(?:\.[0-9]*)?$/.test(text) || !Number.isFinite(value)) {
    throw invalid(`says mtime=${JSON.stringify(text.slice(0, 40))}`);
  }
  return value;
}
