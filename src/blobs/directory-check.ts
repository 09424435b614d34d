import type { DiskFile, EntryStat } from "../disk/disk.ts";
import { algorithmOf, type Digest, isAlgorithm } from "../spec/digest.ts";
import { hashFile } from "./directory-content.ts";

/** Where a blob lies. */
interface CheckedDirectory {
  openFile(digest: Digest): Promise<{ readonly file: DiskFile; readonly stat: EntryStat }>;
}

/** A blob that was read to its end. */
export interface CheckedFile {
  readonly stat: EntryStat;
  /** The digest of what it holds; undefined: of an algorithm that is not computed here. */
  readonly actual: Digest | undefined;
}

/**
 * Reads and hashes a blob's file.
 * @throws OciError BLOB_UNKNOWN, CONTENT_DAMAGED when something else lies there or it is cut short meanwhile, IO
 */
export async function checkFile(
  directory: CheckedDirectory,
  digest: Digest,
  signal?: AbortSignal,
): Promise<CheckedFile> {
  const { file, stat } = await directory.openFile(digest);
  await using open = file;
  const algorithm = algorithmOf(digest);
  if (!isAlgorithm(algorithm)) return { stat, actual: undefined };
  return { stat, actual: await hashFile(open, stat.size, algorithm, signal) };
}
