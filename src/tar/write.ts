import type { Header } from "tar-stream";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { BLOCK, padding } from "./block.ts";
import type { TarEntry, TarEntryType } from "./entry.ts";
import { encodeHeader } from "./header.ts";

/** An entry to be written, with the content of a file. */
export interface TarInput {
  readonly entry: TarEntry;
  /** Must give exactly `entry.size` bytes. */
  readonly content?: () => Bytes;
}

const TYPES: Readonly<Partial<Record<TarEntryType, Header["type"]>>> = {
  file: "file",
  hardlink: "link",
  symlink: "symlink",
  directory: "directory",
};
/** What tar-stream's six octal digits hold; it writes sevens for more. */
const MAX_ID = 0o777777;
/** Where tar-stream's 32-bit time ends. */
const MAX_TIME = 2 ** 31 - 1;

/** Whether a field holds a text so that every reader reads it as it is. */
function fits(text: string, length: number): boolean {
  // eslint-disable-next-line no-control-regex -- exactly the range that ustar fields hold in every reader
  return text.length <= length && /^[\x01-\x7f]*$/.test(text);
}

/** An entry as tar-stream takes it: in ustar alone where everything fits, with PAX records where not. */
function headerOf(entry: TarEntry): Header {
  const type = TYPES[entry.type];
  if (type === undefined) {
    throw new OciError(
      "UNSUPPORTED",
      `Cannot pack ${JSON.stringify(entry.path)}: a ${entry.type} has no place in a layer`,
    );
  }
  const linkname = entry.linkPath ?? "";
  const name = type === "directory" ? `${entry.path}/` : entry.path;
  const pax: Record<string, string> = {};
  const { uid, gid, userName, groupName, modifiedAt } = entry;
  if (uid > MAX_ID) pax["uid"] = String(uid);
  if (gid > MAX_ID) pax["gid"] = String(gid);
  if (!fits(userName, 32)) pax["uname"] = userName;
  if (!fits(groupName, 32)) pax["gname"] = groupName;
  const seconds = Math.min(Math.max(0, Math.floor(modifiedAt)), MAX_TIME);
  if (seconds !== modifiedAt) pax["mtime"] = String(modifiedAt);
  // The two names get their records from tar-stream as soon as there is a PAX header.
  const plain = fits(name, 100) && fits(linkname, 100) && Object.keys(pax).length === 0;
  return {
    name,
    type,
    linkname,
    // Bits above the mode are masked away; without one, a mode of 0 would be taken for none given.
    mode: (entry.mode & 0o7777) | 0o10000,
    uid,
    gid,
    uname: pax["uname"] === undefined ? userName : "",
    gname: pax["gname"] === undefined ? groupName : "",
    mtime: new Date(seconds * 1000),
    size: entry.size,
    devmajor: 0,
    devminor: 0,
    pax: plain ? null : pax,
  };
}

/** The two zero blocks that end a tar. */
export function tarEnd(): Uint8Array {
  return Buffer.alloc(2 * BLOCK);
}

/**
 * Writes one entry: its headers, its content, its padding.
 * @throws OciError FILE_INVALID when the content is not as long as the entry says, UNSUPPORTED for devices, fifos and the like
 */
export async function* writeTarEntry({ entry, content }: TarInput): AsyncGenerator<Uint8Array, void, undefined> {
  yield await encodeEntry(entry);
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

/**
 * The header of an entry, with the PAX header before it where there are records.
 * @throws OciError UNSUPPORTED for devices, fifos and the like
 */
export function encodeEntry(entry: TarEntry): Promise<Buffer> {
  return encodeHeader(headerOf(entry));
}

/**
 * Writes a tar: entries in the order given, then the two zero blocks. The bytes depend
 * on the entries alone.
 * @throws OciError FILE_INVALID when a content is not as long as its entry says, UNSUPPORTED for devices, fifos and the like
 */
export async function* writeTar(
  inputs: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const input of inputs) yield* writeTarEntry(input);
  yield tarEnd();
}
