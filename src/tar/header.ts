import { once } from "node:events";
import { type Header, pack } from "tar-stream";
import { OciError } from "../error/oci-error.ts";
import { paxRecords } from "./pax.ts";
import type { RawHeader } from "./raw-header.ts";

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`);
}

/** The number fields of a header block (POSIX pax, "ustar Interchange Format"): name, offset, length. */
const NUMBERS = [
  ["mode", 100, 8],
  ["uid", 108, 8],
  ["gid", 116, 8],
  ["size", 124, 12],
  ["mtime", 136, 12],
  ["checksum", 148, 8],
] as const;

/**
 * Refuses what other readers read as far as it goes: a number is octal digits alone, or
 * GNU's base-256, which starts with 80, and with ff only in times before 1970.
 * @throws OciError ARCHIVE_INVALID
 */
export function checkNumbers(block: Buffer): void {
  for (const [field, at, length] of NUMBERS) {
    const first = block[at];
    if (first === 0x80 || (first === 0xff && field === "mtime")) continue;
    if (!/^ *[0-7]*[ \0]*$/.test(block.toString("latin1", at, at + length))) {
      throw invalid(`${field} is not a number, so this is not a tar or it is damaged`);
    }
  }
}

/**
 * One number field of a checked block; any time before 1970 is -1. For blocks on their own:
 * extended headers, and the times that are clamped.
 */
export function numberField(block: Buffer, field: "size" | "mtime"): number {
  const at = field === "size" ? 124 : 136;
  if (block[at] === 0xff) return -1;
  if (block[at] === 0x80) return Number(`0x${block.toString("hex", at + 1, at + 12)}`);
  return Number.parseInt(`0${block.toString("latin1", at, at + 12).trimStart()}`, 8);
}

/** A header with the extended headers before it applied. */
export interface DecodedHeader {
  readonly name: string;
  readonly linkName: string;
  readonly flag: string;
  readonly oldDirectory: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  readonly userName: string;
  readonly groupName: string;
  /** The records of a PAX header of this entry and of global ones right before it; none without the former. */
  readonly pax: ReadonlyMap<string, string>;
}

function text(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString("utf8", at, end === -1 || end > at + length ? at + length : end);
}

/** A number field of a checked block: octal, or GNU's base-256. */
function number(block: Buffer, at: number, length: number): number {
  const first = block[at];
  if (first === 0x80) return Number(`0x${block.toString("hex", at + 1, at + length)}`);
  if (first === 0xff) return Number(BigInt.asIntN(8 * length, BigInt(`0x${block.toString("hex", at, at + length)}`)));
  return Number.parseInt(`0${block.toString("latin1", at, at + length).trimStart()}`, 8);
}

function checkSum(block: Buffer): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < 512; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (sum !== number(block, 148, 8)) {
    throw invalid("a header's checksum is wrong, so this is not a tar or it is damaged");
  }
}

const NO_RECORDS: ReadonlyMap<string, string> = new Map();

/** What the extended headers of one entry say; of two records of one name the last one counts. */
interface Extended {
  name?: string;
  linkName?: string;
  pax: ReadonlyMap<string, string>;
}

function readExtended(headers: readonly RawHeader[]): Extended {
  const found: Extended = { pax: NO_RECORDS };
  const general = new Map<string, string>();
  for (const { block, flag, body } of headers) {
    if (body === undefined) continue;
    checkSum(block);
    if (flag === "L") found.name = text(body, 0, body.length);
    else if (flag === "K") found.linkName = text(body, 0, body.length);
    else {
      const records = flag === "g" ? general : new Map(general);
      for (const { key, value } of paxRecords(body)) records.set(key, value);
      if (flag === "x") found.pax = records;
    }
  }
  return found;
}

/**
 * Decodes the header of one entry, with the extended headers before it.
 * @param headers their numbers and records checked, the last one the entry's own
 * @throws OciError ARCHIVE_INVALID
 */
export function decodeHeader(headers: readonly RawHeader[]): DecodedHeader {
  const own = headers.at(-1);
  if (!own) throw invalid("an entry has no header");
  const { block, flag } = own;
  checkSum(block);
  const extended = readExtended(headers);
  const { pax } = extended;
  const short = text(block, 0, 100);
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 155) : "";
  const paxSize = pax.get("size");
  const header = {
    name: pax.get("path") || extended.name || (prefix === "" ? short : `${prefix}/${short}`),
    linkName: pax.get("linkpath") || extended.linkName || text(block, 157, 100),
    // Old archives mark a directory by the slash at its short name's end alone.
    oldDirectory: (flag === "0" || flag === "\0") && short.endsWith("/"),
    flag,
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: paxSize ? Number(paxSize) : number(block, 124, 12),
    modifiedAt: number(block, 136, 12),
    userName: text(block, 265, 32),
    groupName: text(block, 297, 32),
    pax,
  };
  for (const field of ["mode", "uid", "gid", "size"] as const) {
    if (!Number.isSafeInteger(header[field])) throw invalid(`${field} is too large`);
  }
  if (!Number.isSafeInteger(header.modifiedAt) || Math.abs(header.modifiedAt) > 8.64e12) {
    throw invalid("mtime is too large");
  }
  return header;
}

/** Encodes the header of one entry, with the PAX header before it where there are records. */
export async function encodeHeader(header: Header): Promise<Buffer> {
  const packer = pack();
  const content = packer.entry(header);
  // A symlink without a target waits for one to be written.
  if (header.type === "symlink" && header.linkname === "") content.end(null);
  await once(packer, "readable");
  const chunks: Buffer[] = [];
  for (let chunk = packer.read() as Buffer | null; chunk; chunk = packer.read() as Buffer | null) chunks.push(chunk);
  packer.destroy();
  return Buffer.concat(chunks);
}
