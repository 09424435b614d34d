import { Buffer } from "node:buffer";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { TarEntry, TarEntryType } from "./entry.ts";
import { BLOCK, encodeHeader, type HeaderBlock, MAX_OCTAL_11 } from "./header.ts";
import { encodePax } from "./pax.ts";

/** An entry to be written, with the content of a file. */
export interface TarInput {
  readonly entry: TarEntry;
  /** Must give exactly `entry.size` bytes. */
  readonly content?: () => Bytes;
}

const FLAGS: Readonly<Partial<Record<TarEntryType, string>>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  directory: "5",
};
const MAX_ID = 0o7777777;

/** Splits a path over the name and prefix fields of ustar; undefined when it does not fit. */
function split(path: string): { name: string; prefix: string } | undefined {
  if (!isAscii(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: "" };
  // The last slash that leaves at most 100 characters behind it is the earliest one possible.
  const slash = path.indexOf("/", path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

function isAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- exactly the range that ustar fields hold in every reader
  return /^[\x01-\x7f]*$/.test(text);
}

/** The header blocks of an entry: ustar alone where everything fits, a PAX header before it otherwise. */
export function encodeEntry(entry: TarEntry): Buffer {
  const flag = FLAGS[entry.type];
  if (flag === undefined) {
    throw new OciError(
      "UNSUPPORTED",
      `Cannot pack ${JSON.stringify(entry.path)}: a ${entry.type} has no place in a layer`,
    );
  }
  const path = entry.type === "directory" ? `${entry.path}/` : entry.path;
  const linkPath = entry.linkPath ?? "";
  const pax = new Map<string, string>();
  const place = split(path);
  if (!place) pax.set("path", path);
  if (linkPath.length > 100 || !isAscii(linkPath)) pax.set("linkpath", linkPath);
  if (entry.size > MAX_OCTAL_11) pax.set("size", String(entry.size));
  if (entry.uid > MAX_ID) pax.set("uid", String(entry.uid));
  if (entry.gid > MAX_ID) pax.set("gid", String(entry.gid));
  const whole = Number.isInteger(entry.modifiedAt) && entry.modifiedAt >= 0 && entry.modifiedAt <= MAX_OCTAL_11;
  if (!whole) pax.set("mtime", String(entry.modifiedAt));
  const header: HeaderBlock = {
    name: place?.name ?? cut(path),
    prefix: place?.prefix ?? "",
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    modifiedAt: Math.max(0, Math.floor(entry.modifiedAt)),
    flag,
    linkName: pax.has("linkpath") ? cut(linkPath) : linkPath,
    userName: entry.userName,
    groupName: entry.groupName,
  };
  if (pax.size === 0) return encodeHeader(header);
  return Buffer.concat([encodePaxBlocks(pax, header), encodeHeader(header)]);
}

/** What readers without PAX see of a long path. */
function cut(path: string): string {
  return path.replaceAll(/[^\x20-\x7e]/g, "_").slice(0, 100);
}

/** A PAX header entry with its records, padded to whole blocks. */
export function encodePaxBlocks(records: ReadonlyMap<string, string>, like: Pick<HeaderBlock, "modifiedAt">): Buffer {
  const body = encodePax(records);
  const header = encodeHeader({
    // A fixed name: readers ignore it, and it must not depend on process ids as other packers' do.
    name: "PaxHeaders/entry",
    prefix: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    modifiedAt: like.modifiedAt,
    flag: "x",
    linkName: "",
    userName: "",
    groupName: "",
  });
  return Buffer.concat([header, body, Buffer.alloc(padding(body.length))]);
}

/** Bytes up to the next whole block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/**
 * Writes a tar: entries in the order given, then the two zero blocks. The bytes depend
 * on the entries alone.
 * @throws OciError FILE_INVALID when a content is not as long as its entry says, UNSUPPORTED for devices, fifos and the like
 */
export async function* writeTar(
  inputs: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { entry, content } of inputs) {
    yield encodeEntry(entry);
    let written = 0;
    if (content) {
      for await (const chunk of content()) {
        written += chunk.length;
        if (written > entry.size) break;
        yield chunk;
      }
    }
    if (written !== entry.size) {
      throw new OciError(
        "FILE_INVALID",
        `${JSON.stringify(entry.path)} should have ${entry.size} bytes, got ${written > entry.size ? "more" : written}`,
        { hint: "It changed while it was read; try again when nothing writes to it" },
      );
    }
    const rest = padding(entry.size);
    if (rest > 0) yield Buffer.alloc(rest);
  }
  yield Buffer.alloc(2 * BLOCK);
}
