import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { OciError } from "../error/oci-error.ts";

const CHUNK = 512 * 1024;

export interface FileBytesOptions {
  readonly offset?: number;
  readonly signal?: AbortSignal;
  /** Follow a symbolic link at the path's end. False by default. */
  readonly follow?: boolean;
}

/** A failed file call as a sentence with the path; anything unknown passes through. */
export function fileError(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const said = SENTENCES[String(code)];
  if (said === undefined) return error;
  return new OciError("FILE_INVALID", `Cannot read ${JSON.stringify(path)}: ${said}`, { cause: error });
}

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of the path is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "it is a symbolic link, or too many of them follow each other",
  ENXIO: "it is not a regular file",
};

/**
 * The bytes of a regular file in large chunks, each the receiver's own. Opening never blocks on a fifo.
 * @throws OciError FILE_INVALID (missing, unreadable, not a regular file)
 */
export async function* fileBytes(
  path: string,
  options: FileBytesOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  options.signal?.throwIfAborted();
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (options.follow === true ? 0 : constants.O_NOFOLLOW);
  await using handle = await open(path, flags).catch((error: unknown) => {
    throw fileError(path, error);
  });
  if (!(await handle.stat()).isFile()) {
    throw new OciError("FILE_INVALID", `Cannot read ${JSON.stringify(path)}: it is not a regular file`);
  }
  let position = options.offset ?? 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
