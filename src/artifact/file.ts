import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import type { Bytes } from "../bytes/bytes.ts";
import { Digester, digestOf } from "../bytes/hash.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { ContentSource, Signal } from "../store/content.ts";
import { fileBytes } from "../tar/file.ts";

/** Content with a descriptor, ready to be pushed. */
export interface Part {
  readonly descriptor: Descriptor;
  readonly source: ContentSource;
  /** Turns an error of its push into one that names the file, when the file is to blame. */
  explain(error: unknown): Promise<unknown>;
}

/**
 * Looks at a path that is to be packed.
 * @throws OciError FILE_INVALID when nothing is there, or neither a file nor a directory
 */
export async function statFile(path: string): Promise<Stats> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
    throw new OciError("FILE_INVALID", `No such file: ${path}`, { cause, ...(await typeHint(path)) });
  }
  if (stats.isFile() || stats.isDirectory()) return stats;
  throw new OciError("FILE_INVALID", `${path} is neither a regular file nor a directory`, {
    hint: "Write its content to a file first: it is read more than once",
  });
}

/** `report.json:json` names a file that is there, with a type that is none. */
async function typeHint(path: string): Promise<{ hint: string } | Record<never, never>> {
  const colon = path.lastIndexOf(":");
  if (colon <= 0) return {};
  const found = await stat(path.slice(0, colon)).catch(() => undefined);
  if (found === undefined) return {};
  const written = JSON.stringify(path.slice(colon + 1));
  return { hint: `${path.slice(0, colon)} is there, but ${written} is not a media type: expected type/subtype` };
}

function isSame(before: Stats, after: Stats): boolean {
  return before.ino === after.ino && before.size === after.size && before.mtimeMs === after.mtimeMs;
}

/**
 * Hashes a regular file. Nothing of it is kept in memory.
 * @throws OciError FILE_INVALID
 */
export async function filePart(path: string, mediaType: string, options: Signal = {}): Promise<Part> {
  const before = await statFile(path);
  // Nothing else of a wider object: its other fields would mean something here.
  const waits = options.signal === undefined ? {} : { signal: options.signal };
  const digester = new Digester();
  for await (const chunk of fileBytes(path, { ...waits, follow: true })) digester.update(chunk);
  const descriptor = { mediaType, digest: digester.digest(), size: digester.size };
  return {
    descriptor,
    source: ({ offset = 0 } = {}) => fileBytes(path, { ...waits, offset, follow: true }),
    async explain(error) {
      if (!isOciError(error, "SIZE_INVALID", "DIGEST_INVALID")) return error;
      const after = await stat(path).catch(() => undefined);
      if (after && isSame(before, after)) return error;
      return new OciError("FILE_INVALID", `${path} changed while it was read`, {
        cause: error,
        hint: "Run the same command again when nothing writes the file any more",
      });
    },
  };
}

/** Content that is in memory already. */
export function bytesPart(bytes: Uint8Array, mediaType: string): Part {
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    source: ({ offset = 0 } = {}) => oneChunk(bytes.subarray(offset)),
    explain: (error) => Promise.resolve(error),
  };
}

/** A copy, since whoever receives a chunk may change it, and the content may be sent again. */
async function* oneChunk(bytes: Uint8Array): Bytes {
  if (bytes.length > 0) yield Uint8Array.from(bytes);
}
