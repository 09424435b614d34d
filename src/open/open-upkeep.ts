import { join, resolve } from "node:path";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Upkeep } from "../store/upkeep.ts";

/**
 * Opens a layout, a depot or a folder of layouts for garbage collection and scrub.
 * @throws OciError NAME_UNKNOWN, FILE_INVALID, LAYOUT_INVALID, IO
 */
export async function openUpkeep(path: string): Promise<Upkeep> {
  const root = resolve(path);
  const found = nodeDisk.look(root);
  if (found === undefined) throw new OciError("NAME_UNKNOWN", `There is no directory at ${JSON.stringify(path)}`);
  if (found.type === "file" || found.type === "other") {
    throw new OciError("FILE_INVALID", `Expected a directory at ${JSON.stringify(path)}, got a file`);
  }
  if (nodeDisk.look(join(root, "oci-layout"))) {
    const { openLayoutUpkeep } = await import("../layout/upkeep.ts");
    return await openLayoutUpkeep(root);
  }
  if (nodeDisk.look(join(root, ".berth", "catalog.db"))) {
    const { openDepotUpkeep } = await import("../depot/upkeep.ts");
    return await openDepotUpkeep(root);
  }
  const { openFolderUpkeep } = await import("../layout/upkeep.ts");
  return await openFolderUpkeep(root);
}
