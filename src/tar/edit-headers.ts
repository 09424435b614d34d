import type { TarEntry } from "./entry.ts";
import { numberField } from "./header.ts";
import { encodeRecord, type PaxRecord, paxRecords, paxTime } from "./pax.ts";
import type { RawHeader } from "./raw-header.ts";

/** Changes to the headers of one entry. */
export interface HeaderEdit {
  /** Seconds since 1970, whole, not negative: what it gives for a time that a header tells. */
  readonly time?: (seconds: number) => number;
  /** No names of owners, and no time but the modification's: what differs from builder to builder. */
  readonly reproducible?: boolean;
  /** Another path. */
  readonly path?: string;
}

/** Access and change times come from the same clock, and would tell what the modification time no longer does. */
const TIMES = /^[mac]time$/;
const PERSONAL = /^(?:[ac]time|uname|gname|comment|LIBARCHIVE\.creationtime)$/;

/** The block with other bytes in it, and the checksum of that (POSIX pax, "ustar Interchange Format"). */
function sealed(block: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(block);
  change(copy);
  copy.fill(" ", 148, 156);
  const sum = copy.reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return copy;
}

function octal(value: number): string {
  return `${value.toString(8).padStart(11, "0")}\0`;
}

function editBlock(block: Buffer, edit: HeaderEdit): Buffer {
  const before = numberField(block, "mtime");
  const after = edit.time?.(before) ?? before;
  const named = edit.reproducible === true && (block[265] !== 0 || block[297] !== 0);
  if (after === before && !named && edit.path === undefined) return block;
  return sealed(block, (copy) => {
    if (after !== before) copy.write(octal(after), 136, "latin1");
    if (named) copy.fill(0, 265, 329);
    if (edit.path !== undefined) {
      copy.fill(0, 0, 100).fill(0, 345, 500);
      copy.write(edit.path, 0, 100, "utf8");
    }
  });
}

/** A record with its bytes as they stand: values may be binary. */
function recordBytes(body: Buffer, record: PaxRecord, edit: HeaderEdit): Buffer | undefined {
  const { key, value, start, end } = record;
  if (edit.reproducible === true && PERSONAL.test(key)) return undefined;
  if (edit.path !== undefined && key === "path") return undefined;
  const kept = body.subarray(start, end);
  if (!edit.time || !TIMES.test(key) || value === "") return encodeRecord(key, kept);
  const before = paxTime(value);
  const after = edit.time(before);
  // As long as before where it fits, so that as little as possible changes.
  return encodeRecord(key, after === before ? kept : Buffer.from(String(after).padStart(value.length, "0")));
}

/** Undefined: nothing is left of it. */
function editExtended(header: RawHeader, body: Buffer, edit: HeaderEdit): RawHeader | undefined {
  const { flag } = header;
  if (flag === "L" && edit.path !== undefined) return undefined;
  const own = editBlock(header.block, { ...edit, ...(edit.path === undefined ? {} : { path: PAX_NAME }) });
  if (flag !== "x" && flag !== "g") return { ...header, block: own };
  const records = [...paxRecords(body)].flatMap((record) => recordBytes(body, record, edit) ?? []);
  const path = edit.path !== undefined && flag === "x" ? [encodeRecord("path", Buffer.from(edit.path))] : [];
  const changed = Buffer.concat([...path, ...records]);
  if (changed.length === 0 && body.length > 0) return undefined;
  const rest = body.subarray(changed.length);
  if (changed.equals(body.subarray(0, changed.length)) && rest.every((byte) => byte === 0)) {
    return { ...header, block: own };
  }
  return { flag, body: changed, block: sealed(own, (copy) => copy.write(octal(changed.length), 124, "latin1")) };
}

const PAX_NAME = "././@PaxHeader";

/** A PAX header for an entry that had none, with the entry's own block as a pattern. */
function newExtended(block: Buffer, path: string): RawHeader {
  const body = encodeRecord("path", Buffer.from(path));
  const made = sealed(block, (copy) => {
    copy.fill(0, 0, 100).fill(0, 157, 257).fill(0, 345, 500);
    copy.write(PAX_NAME, 0, "latin1");
    copy.write("ustar\x0000", 257, "latin1");
    copy.write(octal(body.length), 124, "latin1");
    copy.write("x", 156, "latin1");
  });
  return { block: made, flag: "x", body };
}

/** The headers of an entry after an edit; those that it does not touch are the same objects. */
export function editHeaders(headers: readonly RawHeader[], edit: HeaderEdit): readonly RawHeader[] {
  const edited = headers.flatMap((header): RawHeader[] => {
    if (header.body === undefined) return [{ ...header, block: editBlock(header.block, edit) }];
    const kept = editExtended(header, header.body, edit);
    return kept ? [kept] : [];
  });
  const own = edited.at(-1);
  if (edit.path === undefined || !own || edited.some(({ flag }) => flag === "x")) return edited;
  if (/^[\x20-\x7e]{1,100}$/.test(edit.path)) return edited;
  return [...edited.slice(0, -1), newExtended(own.block, edit.path), own];
}

/** Whether an edit would change what these headers tell of their entry; the times of extended headers tell nothing. */
export function needsEdit(headers: readonly RawHeader[], entry: TarEntry, edit: HeaderEdit): boolean {
  if (edit.path !== undefined) return true;
  if (edit.time && edit.time(entry.modifiedAt) !== entry.modifiedAt) return true;
  if (edit.reproducible !== true) return false;
  if (entry.userName !== "" || entry.groupName !== "") return true;
  return headers.some(({ body }) => body && [...paxRecords(body)].some(({ key }) => PERSONAL.test(key)));
}
