import { once } from "node:events";
import { extract, type Header, pack } from "tar-stream";
import { OciError } from "../error/oci-error.ts";

function invalid(problem: string, cause?: unknown): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`, cause === undefined ? {} : { cause });
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
 * Refuses what tar-stream reads as far as it goes: a number is octal digits alone, or
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
 * One number field of a checked block; any time before 1970 is -1. For blocks that tar-stream
 * does not tell of on their own: extended headers, and the times that are clamped.
 */
export function numberField(block: Buffer, field: "size" | "mtime"): number {
  const at = field === "size" ? 124 : 136;
  if (block[at] === 0xff) return -1;
  if (block[at] === 0x80) return Number(`0x${block.toString("hex", at + 1, at + 12)}`);
  return Number.parseInt(`0${block.toString("latin1", at, at + 12).trimStart()}`, 8);
}

async function decode(raw: Buffer): Promise<Header | undefined> {
  // Old formats have no magic; the option is missing in its types.
  const extractor = extract({ allowUnknownFormat: true } as object);
  extractor.end(raw);
  for await (const { header } of extractor) return header;
  return undefined;
}

/**
 * Decodes the header of one entry, with the extended headers before it.
 * @param raw whole blocks whose numbers were checked, the last one the entry's own
 * @throws OciError ARCHIVE_INVALID
 */
export async function decodeHeader(raw: Buffer): Promise<Header> {
  const header = await decode(raw).catch((cause: unknown) => {
    throw invalid("a header's checksum or size is wrong, so this is not a tar or it is damaged", cause);
  });
  if (!header) throw invalid("a header's checksum is wrong, so this is not a tar or it is damaged");
  for (const field of ["mode", "uid", "gid", "size"] as const) {
    if (!Number.isSafeInteger(header[field])) throw invalid(`${field} is too large`);
  }
  if (Number.isNaN(header.mtime.getTime())) throw invalid("mtime is too large");
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
