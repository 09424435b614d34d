import { OciError } from "../error/oci-error.ts";
import type { TarEntryType } from "./entry.ts";

/** Everything in a tar comes in blocks of so many bytes. */
export const BLOCK = 512;

/** One header block, fields as they stand (POSIX pax, "ustar Interchange Format"). */
export interface HeaderBlock {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modifiedAt: number;
  /** The type flag: one character. */
  readonly flag: string;
  readonly linkName: string;
  readonly userName: string;
  readonly groupName: string;
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
};

export function entryType(flag: string): TarEntryType {
  return TYPES[flag] ?? "other";
}

/** Largest number that the 11 octal digits of a size or time field hold. */
export const MAX_OCTAL_11 = 0o77777777777;
const MAX_OCTAL_7 = 0o7777777;

function putText(block: Buffer, text: string, at: number, length: number): void {
  block.write(text, at, length, "utf8");
}

function putOctal(block: Buffer, value: number, at: number, digits: number): void {
  block.write(value.toString(8).padStart(digits, "0"), at, digits, "latin1");
}

function checksum(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}

/** Writes the checksum field over whatever stood there. */
export function sealHeader(block: Buffer): void {
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
}

/** Writes the time field of a block and seals it again. */
export function setModifiedAt(block: Buffer, seconds: number): void {
  putOctal(block, seconds, 136, 11);
  block[147] = 0;
  sealHeader(block);
}

/**
 * Encodes a ustar header block. Values that do not fit are the caller's: they
 * belong into a PAX header, and the field here is cut or zero.
 */
export function encodeHeader(header: HeaderBlock): Buffer {
  const block = Buffer.alloc(BLOCK);
  putText(block, header.name, 0, 100);
  putOctal(block, header.mode, 100, 7);
  putOctal(block, header.uid > MAX_OCTAL_7 ? 0 : header.uid, 108, 7);
  putOctal(block, header.gid > MAX_OCTAL_7 ? 0 : header.gid, 116, 7);
  putOctal(block, header.size > MAX_OCTAL_11 ? 0 : header.size, 124, 11);
  putOctal(block, header.modifiedAt > MAX_OCTAL_11 ? 0 : header.modifiedAt, 136, 11);
  putText(block, header.flag, 156, 1);
  putText(block, header.linkName, 157, 100);
  putText(block, "ustar\x0000", 257, 8);
  putText(block, header.userName, 265, 32);
  putText(block, header.groupName, 297, 32);
  putOctal(block, 0, 329, 7);
  putOctal(block, 0, 337, 7);
  putText(block, header.prefix, 345, 155);
  sealHeader(block);
  return block;
}

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`);
}

function getText(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end === -1 ? length : end);
}

/** Octal digits, or GNU's base-256 where the first bit is set. Negative numbers are only legal in times. */
function getNumber(block: Buffer, at: number, length: number, field: string): number {
  const first = block[at] ?? 0;
  if (first & 0x80) {
    if (first === 0xff) return getNegative(block, at, length, field);
    if (first !== 0x80) throw invalid(`${field} is a base-256 number that is too large`);
    let value = 0;
    for (let index = at + 1; index < at + length; index += 1) {
      value = value * 256 + (block[index] ?? 0);
      if (!Number.isSafeInteger(value)) throw invalid(`${field} is a base-256 number that is too large`);
    }
    return value;
  }
  const text = block.toString("latin1", at, at + length).replaceAll(/^[ \0]+|[ \0]+$/g, "");
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw invalid(`${field} is not an octal number`);
  return Number.parseInt(text, 8);
}

function getNegative(block: Buffer, at: number, length: number, field: string): number {
  let value = 0;
  for (let index = at; index < at + length; index += 1) {
    value = value * 256 + (255 - (block[index] ?? 0));
    if (!Number.isSafeInteger(value)) throw invalid(`${field} is a base-256 number that is too large`);
  }
  return -value - 1;
}

function notNegative(value: number, field: string): number {
  if (value < 0) throw invalid(`${field} is negative`);
  return value;
}

/**
 * Decodes a header block and checks its checksum.
 * @throws OciError ARCHIVE_INVALID
 */
export function decodeHeader(block: Buffer): HeaderBlock {
  const stored = getNumber(block, 148, 8, "the checksum");
  if (stored !== checksum(block)) throw invalid("a header's checksum is wrong, so this is not a tar or it is damaged");
  // GNU's old format keeps other things where ustar has the prefix.
  const ustar = block.toString("latin1", 257, 263) === "ustar\0";
  return {
    name: getText(block, 0, 100),
    prefix: ustar ? getText(block, 345, 155) : "",
    mode: notNegative(getNumber(block, 100, 8, "mode"), "mode"),
    uid: notNegative(getNumber(block, 108, 8, "uid"), "uid"),
    gid: notNegative(getNumber(block, 116, 8, "gid"), "gid"),
    size: notNegative(getNumber(block, 124, 12, "size"), "size"),
    modifiedAt: getNumber(block, 136, 12, "mtime"),
    flag: block.toString("latin1", 156, 157),
    linkName: getText(block, 157, 100),
    userName: getText(block, 265, 32),
    groupName: getText(block, 297, 32),
  };
}
