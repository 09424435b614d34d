import { dirname, join } from "node:path";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";

const CATALOG = join(".berth", "catalog.db");

/** Whether a depot's catalog lies here. @param path absolute */
export function isDepotRoot(path: string): boolean {
  return nodeDisk.look(join(path, CATALOG)) !== undefined;
}

/**
 * Refuses a part of a depot: what a repository holds is in the depot's catalog, and its index.json may say less.
 * @param path absolute
 * @throws OciError USAGE
 */
export function requireNoDepotAbove(path: string): void {
  for (let at = dirname(path), below = path; at !== below; below = at, at = dirname(at)) {
    if (!isDepotRoot(at)) continue;
    throw new OciError("USAGE", `${JSON.stringify(path)} is a part of the registry at ${JSON.stringify(at)}`, {
      hint: `Give the whole registry: ${at}`,
    });
  }
}
