import { dirname } from "node:path";
import { OciError } from "../error/oci-error.ts";
import type { Disk } from "./disk.ts";

/**
 * Makes a directory and those above it, durably: the parent of each new one is
 * synced. A symbolic link at `path` itself is refused, above it links are the
 * user's own business.
 * @throws OciError LAYOUT_INVALID when something else lies at the path, IO
 */
export async function makeDirectories(disk: Disk, path: string): Promise<void> {
  const missing: string[] = [];
  let at = path;
  for (;;) {
    const found = await disk.lstat(at);
    if (found === undefined) {
      missing.push(at);
      const parent = dirname(at);
      if (parent === at) break;
      at = parent;
      continue;
    }
    if (at === path && found.type !== "directory") {
      throw new OciError("LAYOUT_INVALID", `${JSON.stringify(path)} is not a directory`);
    }
    break;
  }
  for (const directory of missing.toReversed()) {
    await disk.mkdir(directory);
    await disk.syncDirectory(dirname(directory));
  }
}
