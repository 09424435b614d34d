import type { Disk, DiskFile, EntryStat } from "../disk/disk.ts";
import { ownUser } from "../disk/own-user.ts";
import { discard } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import { type Algorithm, computableAlgorithm, type Digest } from "../spec/digest.ts";
import type { Upload } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import { FileContent, hashFile } from "./directory-content.ts";
import type { Staging } from "./directory-staging.ts";

/** Where a blob comes from. */
interface LinkSource {
  path(digest: Digest): string;
  openFile(digest: Digest): Promise<{ readonly file: DiskFile; readonly stat: EntryStat }>;
}

/** Where a blob goes to. */
interface LinkTarget {
  readonly disk: Disk;
  readonly staging: Staging;
  publish(id: string, digest: Digest): Promise<void>;
  stage(options?: { readonly algorithm?: Algorithm } & Signal): Promise<Upload>;
}

/** Permission bits of files that nobody writes to again. */
const READ_ONLY = 0o444;

/**
 * Takes a blob from another directory: shares its blocks where the file system
 * can, links the file where it is ours and read-only, copies it otherwise.
 * @throws OciError DIGEST_INVALID when the source's content is not what its name says
 */
export async function linkBlob(digest: Digest, source: LinkSource, target: LinkTarget, options: Signal): Promise<void> {
  computableAlgorithm(digest);
  const opened = await source.openFile(digest);
  await using file = opened.file;
  await target.staging.prepare();
  const id = target.staging.newId();
  try {
    if (await cloneBlob(id, digest, source, target, options)) return;
    if (await hardLink(id, digest, { ...opened, path: source.path(digest) }, target, options)) return;
  } finally {
    // Also after a rename: it does nothing between two names of one file.
    await discard(target.disk, target.staging.path(id));
  }
  await copy(digest, file, opened.stat, target, options);
}

function mismatch(digest: Digest, actual: Digest): OciError {
  return new OciError("DIGEST_INVALID", `The blob ${digest} of the source has the digest ${actual}`, {
    digest,
    hint: "Find all damage with: berth layout fsck",
  });
}

/** The clone is private: once it is made, nobody can change it between the check and the rename. */
async function cloneBlob(
  id: string,
  digest: Digest,
  source: LinkSource,
  target: LinkTarget,
  options: Signal,
): Promise<boolean> {
  const path = target.staging.path(id);
  if (!(await target.disk.clone(source.path(digest), path))) return false;
  const cloned = await target.disk.open(path, "read");
  if (cloned === undefined) return false;
  await using file = cloned;
  const { size } = await file.stat();
  const actual = await hashFile(file, size, computableAlgorithm(digest), options.signal);
  if (actual !== digest) throw mismatch(digest, actual);
  await file.chmod(READ_ONLY);
  await file.datasync();
  await target.publish(id, digest);
  return true;
}

/** Only of files that are ours and read-only: others may be changed in place by their owner. */
async function hardLink(
  id: string,
  digest: Digest,
  opened: { readonly file: DiskFile; readonly stat: EntryStat; readonly path: string },
  target: LinkTarget,
  options: Signal,
): Promise<boolean> {
  const { file, stat, path } = opened;
  if (stat.mode !== READ_ONLY || stat.uid !== ownUser()) return false;
  const temporary = target.staging.path(id);
  // Linked before it is hashed: another file system, or a file with too many links, costs nothing then.
  if (!(await target.disk.link(path, temporary))) return false;
  const actual = await hashFile(file, stat.size, computableAlgorithm(digest), options.signal);
  if (actual !== digest) throw mismatch(digest, actual);
  const linked = await target.disk.lstat(temporary);
  if (linked === undefined || !isSame(linked, stat)) return false;
  await file.datasync();
  await target.publish(id, digest);
  return true;
}

function isSame(left: EntryStat, right: EntryStat): boolean {
  return (
    left.device === right.device &&
    left.inode === right.inode &&
    left.size === right.size &&
    left.modifiedNs === right.modifiedNs &&
    left.mode === READ_ONLY
  );
}

async function copy(
  digest: Digest,
  file: DiskFile,
  stat: EntryStat,
  target: LinkTarget,
  options: Signal,
): Promise<void> {
  await using upload = await target.stage({ algorithm: computableAlgorithm(digest), ...options });
  try {
    const content = new FileContent(file, stat.size, { start: 0, end: stat.size }, options.signal);
    await upload.append(content.bytes({ lent: true }), 0, options);
    await upload.commit(digest, options);
  } catch (error) {
    await upload.abort();
    throw error;
  }
}
