import { open } from "node:fs/promises";
import { OciError } from "../../error/oci-error.ts";

/**
 * A file of at most so many bytes, also where it is a pipe and tells no size.
 * @param what names it in messages
 * @throws OciError LIMIT_EXCEEDED, and what the file system throws
 */
export async function readSmallFile(path: string, limit: number, what: string): Promise<Buffer> {
  await using handle = await open(path, "r");
  const buffer = Buffer.alloc(limit + 1);
  let length = 0;
  while (length <= limit) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new OciError("LIMIT_EXCEEDED", `The ${what} has more than ${limit} bytes`);
}
