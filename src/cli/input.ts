import { open, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import type { ContentSource } from "../store/content.ts";
import type { Context } from "./context.ts";

/** Read at a time. */
const CHUNK = 1024 * 1024;

/** A path that the user typed, made absolute. */
export function resolvePath(path: string, context: Context): string {
  return isAbsolute(path) ? path : join(context.cwd, path);
}

/** The chunks of a regular file, from an offset. @throws OciError FILE_INVALID and what the file system throws */
export async function* readFileBytes(path: string, offset = 0, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  await using handle = await open(path, "r");
  let position = offset;
  for (;;) {
    signal?.throwIfAborted();
    const buffer = Buffer.allocUnsafe(CHUNK);
    const { bytesRead } = await handle.read(buffer, 0, CHUNK, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** A file that the user named, hashed once, and its bytes to read again. */
export interface InputFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly source: ContentSource;
}

/** Hashes a regular file. @throws OciError FILE_INVALID */
export async function hashInput(file: string, algorithm: Algorithm, context: Context): Promise<InputFile> {
  const path = resolvePath(file, context);
  const stats = await stat(path);
  if (!stats.isFile()) throw new OciError("FILE_INVALID", `Expected a regular file, got something else: ${file}`);
  const { Digester } = await import("../bytes/hash.ts");
  const digester = new Digester(algorithm);
  for await (const chunk of readFileBytes(path, 0, context.signal)) digester.update(chunk);
  return {
    size: digester.size,
    digest: digester.digest(),
    source: (options) => readFileBytes(path, options?.offset ?? 0, context.signal),
  };
}

/** A small file, or standard input for `-`. @throws OciError LIMIT_EXCEEDED */
export async function readInput(file: string, limit: number, what: string, context: Context): Promise<Uint8Array> {
  const bytes: Bytes = file === "-" ? context.stdin() : readFileBytes(resolvePath(file, context), 0, context.signal);
  return collect(bytes, limit, what);
}
