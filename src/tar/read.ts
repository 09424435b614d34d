import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { BlockReader } from "./block-reader.ts";
import type { TarEntry } from "./entry.ts";
import { BLOCK, decodeHeader, entryType, type HeaderBlock } from "./header.ts";
import { decodePax, paxInteger, paxTime } from "./pax.ts";
import { padding } from "./write.ts";

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

const EXTENDED = /^[xgXLK]$/;

/** Reads an extended header's body, bounded. */
async function extended(reader: BlockReader, header: HeaderBlock): Promise<Buffer> {
  if (header.size > Limits.tarHeader)
    throw invalid(`an extended header has ${header.size} bytes, more than ${Limits.tarHeader}`);
  const padded = await reader.take(header.size + padding(header.size));
  return padded.subarray(0, header.size);
}

function longName(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString("utf8", 0, end === -1 ? body.length : end);
}

/** What extended headers said of the entry that follows. */
interface Overrides {
  readonly pax: ReadonlyMap<string, string>;
  readonly gnuPath: string | undefined;
  readonly gnuLink: string | undefined;
}

function describe(header: HeaderBlock, overrides: Overrides): TarEntry {
  const { pax, gnuPath, gnuLink } = overrides;
  const own = header.prefix === "" ? header.name : `${header.prefix}/${header.name}`;
  // An empty value takes a record back (POSIX pax, "pax Extended Header").
  const path = pax.get("path") || gnuPath || own;
  const written = entryType(header.flag);
  const type = written === "file" && path.endsWith("/") ? "directory" : written;
  const link = pax.get("linkpath") || gnuLink || header.linkName;
  const number = (key: string, fallback: number): number => {
    const text = pax.get(key);
    return text === undefined ? fallback : paxInteger(text, key);
  };
  const time = pax.get("mtime");
  const size = number("size", header.size);
  if (path === "" || path.includes("\0")) throw invalid("an entry has no name");
  // Some readers would take the content for headers, others would not: two archives in one.
  if (type !== written && size > 0) throw invalid(`${JSON.stringify(path)} is a directory with content`);
  return {
    path: path.length > 1 ? path.replace(/\/+$/, "") || "/" : path,
    type,
    mode: header.mode & 0o7777,
    uid: number("uid", header.uid),
    gid: number("gid", header.gid),
    userName: pax.get("uname") ?? header.userName,
    groupName: pax.get("gname") ?? header.groupName,
    modifiedAt: time === undefined ? header.modifiedAt : paxTime(time),
    // Links and directories carry no content, whatever the field says (POSIX pax, "size").
    size: type === "file" || type === "other" ? size : 0,
    ...(type === "symlink" || type === "hardlink" ? { linkPath: link } : {}),
  };
}

/**
 * Reads a tar entry by entry: ustar, PAX, GNU long names and old formats. Paths and
 * links come as they stand: check them before they touch a disk. Only zeros may follow
 * the zero block at the end.
 * @throws OciError ARCHIVE_INVALID (no tar, truncated, damaged, sparse), LIMIT_EXCEEDED
 */
export async function* readTar(
  bytes: Bytes,
  options: ReadTarOptions = {},
): AsyncGenerator<TarReading, void, undefined> {
  await using reader = new BlockReader(bytes);
  const maxEntries = options.maxEntries ?? Limits.tarEntries;
  const endRequired = options.endRequired ?? true;
  let globals = new Map<string, string>();
  let entries = 0;
  for (;;) {
    const headers: RawHeader[] = [];
    let pax = new Map(globals);
    let gnuPath: string | undefined;
    let gnuLink: string | undefined;
    let header: HeaderBlock | undefined;
    while (!header) {
      options.signal?.throwIfAborted();
      const block: Buffer | undefined =
        endRequired || headers.length > 0 ? await reader.take(BLOCK) : await reader.takeOrEnd(BLOCK);
      if (!block) return;
      if (block.every((byte) => byte === 0)) {
        if (headers.length > 0) throw invalid("it ends after an extended header");
        await reader.restIsZero();
        return;
      }
      const decoded = decodeHeader(block);
      if (!EXTENDED.test(decoded.flag)) {
        headers.push({ block, flag: decoded.flag });
        header = decoded;
        break;
      }
      const body = await extended(reader, decoded);
      headers.push({ block, flag: decoded.flag, body });
      if (headers.length > 16) throw invalid("more than 16 extended headers before one entry");
      if (decoded.flag === "L") gnuPath = longName(body);
      else if (decoded.flag === "K") gnuLink = longName(body);
      else if (decoded.flag === "g") {
        globals = new Map([...globals, ...decodePax(body)]);
        pax = new Map([...globals, ...pax]);
      } else pax = new Map([...pax, ...decodePax(body)]);
    }
    entries += 1;
    if (entries > maxEntries) throw new OciError("LIMIT_EXCEEDED", `The tar has more than ${maxEntries} entries`);
    if (header.flag === "S" || pax.has("GNU.sparse.major") || pax.has("GNU.sparse.map")) {
      throw invalid(
        `${JSON.stringify(header.name)} is a sparse file, whose form other tools read differently; pack without --sparse`,
      );
    }
    const entry = describe(header, { pax, gnuPath, gnuLink });
    const content = reader.content(entry.size);
    yield { entry, headers, offset: reader.offset, content: () => content };
    await reader.skip(content, padding(entry.size), !endRequired);
  }
}
