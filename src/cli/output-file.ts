import { randomBytes } from "node:crypto";
import { lstat, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";

/**
 * Writes a file whole or not at all: into a temporary file beside it, made durable, then
 * renamed. What was there before stays until then; after a failure nothing new is left.
 * @throws OciError FILE_INVALID where something lies that is no regular file, and what the file system throws
 */
export async function writeOutputFile(path: string, bytes: Bytes, signal: AbortSignal): Promise<void> {
  const before = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (before !== undefined && !before.isFile()) {
    throw new OciError("FILE_INVALID", `Cannot write ${path}: something lies there that is no regular file`);
  }
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await fill(temporary, bytes, signal);
    await rename(temporary, path);
  } catch (error) {
    // The first failure is the one to tell; the file may not even have been made.
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function fill(path: string, bytes: Bytes, signal: AbortSignal): Promise<void> {
  await using handle = await open(path, "wx");
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    let written = 0;
    while (written < chunk.length) written += (await handle.write(chunk, written)).bytesWritten;
  }
  await handle.sync();
}
