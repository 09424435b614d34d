import type { Header } from "tar-stream";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { BLOCK, padding } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import type { TarEntry, TarEntryType } from "./entry.ts";
import { checkNumbers, decodeHeader, numberField } from "./header.ts";
import { checkPax, paxTime } from "./pax.ts";

/** A header block as it stood in the archive, with the body of an extended header. */
export interface RawHeader {
  readonly block: Buffer;
  readonly flag: string;
  /** Of a PAX or GNU long-name header, without its padding. */
  readonly body?: Buffer;
}

/** One entry as it is read; its content must be taken, if at all, before the next one. */
export interface TarReading {
  readonly entry: TarEntry;
  /** The extended headers and the header of this entry, in order. */
  readonly headers: readonly RawHeader[];
  /** Bytes from the start of the archive to the content. */
  readonly offset: number;
  /** The content, once. */
  content(): Bytes;
}

export interface ReadTarOptions {
  readonly signal?: AbortSignal;
  /** Entries accepted. {@link Limits.tarEntries} by default. */
  readonly maxEntries?: number;
  /**
   * Whether the zero blocks at the end have to be there; true by default. False where a
   * digest says already that nothing is missing: umoci's layers come without them.
   */
  readonly endRequired?: boolean;
}

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`);
}

/** A header as whole blocks. */
export function blocksOf({ block, body }: Pick<RawHeader, "block" | "body">): Buffer[] {
  return body ? [block, body, Buffer.alloc(padding(body.length))] : [block];
}

/** Reads the body of an extended header, bounded and checked. */
async function extended(reader: BlockReader, block: Buffer, flag: string): Promise<Buffer> {
  const size = numberField(block, "size");
  if (size < 0 || size > Limits.tarHeader) {
    throw invalid(`an extended header should have at most ${Limits.tarHeader} bytes, got ${size}`);
  }
  const body = (await reader.take(size + padding(size))).subarray(0, size);
  if (flag === "x" || flag === "g") checkPax(body, flag);
  return body;
}

/** The headers of the next entry as they stand; undefined at the end. */
async function takeHeaders(reader: BlockReader, options: ReadTarOptions): Promise<RawHeader[] | undefined> {
  const headers: RawHeader[] = [];
  for (;;) {
    options.signal?.throwIfAborted();
    const endAllowed = options.endRequired === false && headers.length === 0;
    const block = endAllowed ? await reader.takeOrEnd(BLOCK) : await reader.take(BLOCK);
    if (!block) return undefined;
    if (block.every((byte) => byte === 0)) {
      if (headers.length > 0) throw invalid("it ends after an extended header");
      await reader.restIsZero();
      return undefined;
    }
    checkNumbers(block);
    const flag = block.toString("latin1", 156, 157);
    if (!/^[xgLK]$/.test(flag)) return [...headers, { block, flag }];
    // Some readers would add the second one to the first, others would forget the first.
    if (flag !== "g" && headers.some((before) => before.flag === flag)) {
      throw invalid(`two extended headers of the kind ${flag} before one entry`);
    }
    headers.push({ block, flag, body: await extended(reader, block, flag) });
    if (headers.length > 16) throw invalid("more than 16 extended headers before one entry");
  }
}

const TYPES: Readonly<Record<Header["type"], TarEntryType>> = {
  file: "file",
  "contiguous-file": "file",
  link: "hardlink",
  symlink: "symlink",
  directory: "directory",
  "character-device": "character-device",
  "block-device": "block-device",
  fifo: "fifo",
};

function describe(header: Header, flag: string): TarEntry {
  const pax = (header.pax ?? {}) as Readonly<Record<string, string>>;
  const path = header.name;
  if (/^[SNX]$/.test(flag) || pax["GNU.sparse.major"] !== undefined || pax["GNU.sparse.map"] !== undefined) {
    throw invalid(
      `${JSON.stringify(path)} is a sparse file or in an old form that other tools read differently; pack without --sparse`,
    );
  }
  // No type at all is what tar-stream gives for flags that it does not know.
  const given = TYPES[header.type] ?? "other";
  const type = given === "file" && path.endsWith("/") ? "directory" : given;
  if (path === "" || path.includes("\0")) throw invalid("an entry has no name");
  // Some readers would take the content for headers, others would not: two archives in one.
  if (type === "directory" && flag !== "5" && header.size > 0) {
    throw invalid(`${JSON.stringify(path)} is a directory with content`);
  }
  return {
    path: path.length > 1 ? path.replace(/\/+$/, "") || "/" : path,
    type,
    mode: header.mode & 0o7777,
    uid: pax["uid"] ? Number(pax["uid"]) : header.uid,
    gid: pax["gid"] ? Number(pax["gid"]) : header.gid,
    userName: pax["uname"] ?? header.uname,
    groupName: pax["gname"] ?? header.gname,
    modifiedAt: pax["mtime"] ? paxTime(pax["mtime"]) : header.mtime.getTime() / 1000,
    // Links and directories carry no content, whatever the field says (POSIX pax, "size").
    size: type === "file" || type === "other" ? header.size : 0,
    // Likewise null, where there is none.
    ...(type === "symlink" || type === "hardlink" ? { linkPath: header.linkname ?? "" } : {}),
  };
}

/**
 * Reads a tar entry by entry: ustar, PAX, GNU long names and old formats. Paths and
 * links come as they stand: check them before they touch a disk. Only zeros may follow
 * the zero block at the end.
 * @throws OciError ARCHIVE_INVALID (no tar, truncated, damaged, read differently by other tools), LIMIT_EXCEEDED
 */
export async function* readTar(
  bytes: Bytes,
  options: ReadTarOptions = {},
): AsyncGenerator<TarReading, void, undefined> {
  await using reader = new BlockReader(bytes);
  const maxEntries = options.maxEntries ?? Limits.tarEntries;
  let entries = 0;
  for (;;) {
    const headers = await takeHeaders(reader, options);
    if (!headers) return;
    entries += 1;
    if (entries > maxEntries) throw new OciError("LIMIT_EXCEEDED", `The tar has more than ${maxEntries} entries`);
    const raw = Buffer.concat(headers.flatMap(blocksOf));
    const entry = describe(await decodeHeader(raw), headers.at(-1)?.flag ?? "");
    const content = reader.content(entry.size);
    yield { entry, headers, offset: reader.offset, content: () => content };
    await reader.skip(content, padding(entry.size), options.endRequired === false);
  }
}
