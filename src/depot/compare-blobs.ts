import type { DirectoryBlobs } from "../blobs/directory.ts";
import { Digester } from "../bytes/hash.ts";
import type { DiskFile, EntryStat } from "../disk/disk.ts";
import { isOciError } from "../error/oci-error.ts";
import { algorithmOf, type Digest, isAlgorithm } from "../spec/digest.ts";
import type { Pace } from "./pace.ts";

/** Bytes compared at a time. */
const CHUNK = 512 * 1024;

/** Whether two repositories hold the same bytes under a digest. */
export async function isEqualBlob(
  digest: Digest,
  left: DirectoryBlobs,
  right: DirectoryBlobs,
  pace: Pace,
): Promise<boolean> {
  const [one, other] = [await opened(left, digest), await opened(right, digest)];
  try {
    if (!one || !other || one.stat.size !== other.stat.size) return false;
    const { size } = one.stat;
    const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(CHUNK, size)));
    for (let at = 0; at < size; at += CHUNK) {
      const [mine, theirs] = buffers.map((buffer) => buffer.subarray(0, Math.min(CHUNK, size - at)));
      if (!mine || !theirs) return false;
      const read = await Promise.all([one.file.read(mine, at), other.file.read(theirs, at)]);
      if (read.some((count) => count < mine.length) || !mine.equals(theirs)) return false;
      await pace.rest();
      pace.throwIfEnded();
    }
    return true;
  } finally {
    await one?.file.close();
    await other?.file.close();
  }
}

/** Whether a blob's bytes have its digest. */
export async function isWholeBlob(digest: Digest, blobs: DirectoryBlobs, pace: Pace): Promise<boolean> {
  const algorithm = algorithmOf(digest);
  const found = isAlgorithm(algorithm) ? await opened(blobs, digest) : undefined;
  if (!found || !isAlgorithm(algorithm)) return false;
  await using file = found.file;
  const digester = new Digester(algorithm);
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, found.stat.size));
  for (let at = 0; at < found.stat.size;) {
    const count = await file.read(buffer, at);
    if (count === 0) return false;
    digester.update(buffer.subarray(0, count));
    at += count;
    await pace.rest();
    pace.throwIfEnded();
  }
  return digester.digest() === digest;
}

async function opened(
  blobs: DirectoryBlobs,
  digest: Digest,
): Promise<{ readonly file: DiskFile; readonly stat: EntryStat } | undefined> {
  try {
    return await blobs.openFile(digest);
  } catch (error) {
    if (isOciError(error, "BLOB_UNKNOWN", "CONTENT_DAMAGED")) return undefined;
    throw error;
  }
}
