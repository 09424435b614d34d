import { basename, resolve } from "node:path";
import { DirectoryBlobs } from "../blobs/directory.ts";
import { hasMarker } from "../blobs/directory-marker.ts";
import { repositoryPath, walkRepositories } from "../blobs/directory-repositories.ts";
import { DirectoryUpkeep } from "../blobs/directory-upkeep.ts";
import { DirectoryNotes } from "../blobs/directory-notes.ts";
import { blockingDisk } from "../disk/blocking-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import { IndexJsonNames } from "../names/index-json.ts";
import { IndexJsonUpkeep } from "../names/index-json-upkeep.ts";
import { compareAscii } from "../spec/layout-index-view.ts";
import type { RepositoryUpkeep, Upkeep } from "../store/upkeep.ts";
import { manifestBytes } from "./open-layout.ts";

export interface LayoutUpkeepOptions {
  /** The one whose calls block, by default. */
  readonly disk?: Disk;
}

/**
 * Opens a layout for garbage collection and scrub.
 * @throws OciError NAME_UNKNOWN where there is none, LAYOUT_INVALID, IO
 */
export async function openLayoutUpkeep(path: string, options: LayoutUpkeepOptions = {}): Promise<Upkeep> {
  const root = resolve(path);
  const disk = options.disk ?? blockingDisk;
  if (!(await hasMarker(disk, root))) {
    throw new OciError("NAME_UNKNOWN", `There is no layout at ${JSON.stringify(path)}`);
  }
  const repository = layoutUpkeep(basename(root), root, disk);
  return withNotes(root, disk, async function* ({ after } = {}) {
    if (after === undefined || repository.name > after) yield repository;
  });
}

/** Opens a folder of layouts, each below it a repository named by its path, for garbage collection and scrub. */
export async function openFolderUpkeep(path: string, options: LayoutUpkeepOptions = {}): Promise<Upkeep> {
  const root = resolve(path);
  const disk = options.disk ?? blockingDisk;
  return withNotes(root, disk, async function* ({ after = "", signal } = {}) {
    const names: string[] = [];
    for await (const name of walkRepositories(disk, root, { signal })) if (name > after) names.push(name);
    for (const name of names.toSorted(compareAscii)) yield layoutUpkeep(name, repositoryPath(root, name), disk);
  });
}

function withNotes(root: string, disk: Disk, repositories: Upkeep["repositories"]): Upkeep {
  const notes = new DirectoryNotes(root, disk);
  return {
    repositories,
    recall: (name) => notes.recall(name),
    record: (name, document) => notes.record(name, document),
    alone: (name, work, waiting) => notes.alone(name, work, waiting),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** One layout, under the name that reports give it. */
export function layoutUpkeep(name: string, root: string, disk: Disk): RepositoryUpkeep {
  const blobs = new DirectoryBlobs(root, { disk });
  const onAbsent = async (): Promise<void> => {
    throw new OciError("LAYOUT_INVALID", `The layout ${JSON.stringify(root)} has no index.json`);
  };
  const names = new IndexJsonNames(root, { disk, onAbsent, bytes: manifestBytes(blobs) });
  return { name, content: new DirectoryUpkeep(root, blobs), names: new IndexJsonUpkeep(names) };
}
