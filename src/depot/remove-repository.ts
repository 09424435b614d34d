import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { repositoryPath } from "../blobs/directory-repositories.ts";
import type { Disk } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { readSmallFile, replaceFile } from "../disk/small-file.ts";
import { Limits } from "../spec/limits.ts";
import { isRepositoryName } from "../spec/name.ts";

/** What of a directory is its own repository's, and not of those below it. The marker comes first: without it nothing is a layout. */
const OWN_NAMES = ["oci-layout", "index.json", "blobs", ".berth"] as const;
/** The file that says which repository a directory of the trash is for. */
const NOTE = "repository";

/** A repository on its way out. */
export interface Removal {
  /** Moves its files to the trash and removes them; call it once the catalog does not know it any more. */
  finish(path: string): Promise<void>;
}

function trashOf(root: string): string {
  return join(root, ".berth", "trash");
}

/** Writes down that a repository is about to go, so that a removal that is cut short is finished at the next start. */
export async function beginRemoval(disk: Disk, root: string, name: string): Promise<Removal> {
  const trash = join(trashOf(root), randomBytes(16).toString("hex"));
  await makeDirectories(disk, trash);
  const options = { temporary: join(trash, `${NOTE}.new`), directory: trash };
  await replaceFile(disk, join(trash, NOTE), options, Buffer.from(name));
  return { finish: (path) => finish(disk, root, path, trash) };
}

/**
 * Ends removals that were cut short.
 * @param isKnown whether the catalog still knows a repository: its removal did not come to pass then
 */
export async function resumeRemovals(
  disk: Disk,
  root: string,
  isKnown: (name: string) => Promise<boolean>,
): Promise<void> {
  for await (const { name: entry } of disk.readdir(trashOf(root))) {
    const trash = join(trashOf(root), entry);
    const note = await readSmallFile(disk, join(trash, NOTE), Limits.layoutMarker, "note");
    const name = note && Buffer.from(note.bytes).toString();
    if (name === undefined || !isRepositoryName(name) || (await isKnown(name))) await removeTree(disk, trash);
    else await finish(disk, root, repositoryPath(root, name), trash);
  }
}

async function finish(disk: Disk, root: string, path: string, trash: string): Promise<void> {
  for (const own of OWN_NAMES) {
    if (await disk.lstat(join(path, own))) await disk.rename(join(path, own), join(trash, own));
  }
  if (await disk.lstat(path)) await disk.syncDirectory(path);
  // The directories on the way to it may be there for it alone.
  for (let at = path; at !== root && (await disk.rmdir(at)); at = dirname(at));
  // From here on the trash is no more than that: what is put in the place of the repository is another one.
  await disk.unlink(join(trash, NOTE));
  await removeTree(disk, trash);
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  for await (const entry of disk.readdir(path)) {
    const full = join(path, entry.name);
    if (entry.type === "directory") await removeTree(disk, full);
    else await disk.unlink(full);
  }
  await disk.rmdir(path);
}
