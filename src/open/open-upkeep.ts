import { join, resolve } from "node:path";
import { secludedDisk } from "../disk/blocking-disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Upkeep } from "../store/upkeep.ts";
import { isDepotRoot, requireNoDepotAbove } from "./depot-above.ts";

export interface OpenUpkeepOptions {
  /** No server may work on it meanwhile, nor start to. False by default. */
  readonly alone?: boolean;
  /** This process serves nobody meanwhile: removals may take all of its threads. False by default. */
  readonly secluded?: boolean;
}

/**
 * Opens a layout, a depot or a folder of layouts for garbage collection and scrub.
 * @throws OciError NAME_UNKNOWN where there is none, USAGE for a part of a depot, FILE_INVALID, LAYOUT_INVALID, IO;
 * with `alone` LOCKED
 */
export async function openUpkeep(
  path: string,
  { alone = false, secluded = false }: OpenUpkeepOptions = {},
): Promise<Upkeep> {
  const root = resolve(path);
  const options = secluded ? { disk: secludedDisk } : {};
  const found = nodeDisk.look(root);
  if (found === undefined) throw new OciError("NAME_UNKNOWN", `There is no directory at ${JSON.stringify(path)}`);
  if (found.type === "file" || found.type === "other") {
    throw new OciError("FILE_INVALID", `Expected a directory at ${JSON.stringify(path)}, got a file`);
  }
  const isDepot = isDepotRoot(root);
  if (!isDepot) requireNoDepotAbove(root);
  if (nodeDisk.look(join(root, "oci-layout"))) {
    const { openLayoutUpkeep } = await import("../layout/upkeep.ts");
    return await openLayoutUpkeep(root, options);
  }
  if (isDepot) {
    const { openDepotUpkeep } = await import("../depot/upkeep.ts");
    return alone
      ? await withoutServer(root, () => openDepotUpkeep(root, options))
      : await openDepotUpkeep(root, options);
  }
  const { openFolderUpkeep } = await import("../layout/upkeep.ts");
  const upkeep = await openFolderUpkeep(root, options);
  for await (const _repository of upkeep.repositories()) return upkeep;
  throw new OciError("NAME_UNKNOWN", `There is no layout at ${JSON.stringify(path)}, and none below it`);
}

async function withoutServer(root: string, open: () => Promise<Upkeep>): Promise<Upkeep> {
  const { lockRoot } = await import("../depot/server-lock.ts");
  const lock = await lockRoot(nodeDisk, root);
  try {
    const upkeep = await open();
    return {
      ...upkeep,
      [Symbol.asyncDispose]: async () => {
        await upkeep[Symbol.asyncDispose]();
        await lock.close();
      },
    };
  } catch (error) {
    await lock.close();
    throw error;
  }
}
