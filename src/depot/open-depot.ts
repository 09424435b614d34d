import { join, resolve, sep } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";
import { openCatalog } from "../names/sql-catalog.ts";
import { CatalogDepot, type Depot } from "./depot.ts";
import type { DepotEvent } from "./event.ts";
import { Follower } from "./follow.ts";
import { FollowHere } from "./follow-here.ts";
import { FollowWorker } from "./follow-worker.ts";
import { lockRoot } from "./server-lock.ts";

export interface DepotOptions {
  readonly disk?: Disk;
  readonly onEvent?: (event: DepotEvent) => void;
  /** Milliseconds after which a lease on content is renewed, a small part of the grace of garbage collection. A quarter of an hour by default. */
  readonly leaseAge?: number;
}

/**
 * Opens a folder as a depot: every directory below it that is a layout is a repository, named by its path, and a new
 * one is made by its first push. The names of all are in one catalog, `.berth/catalog.db` below the root; layouts
 * that it does not know yet are taken in. Links are not followed. One process at a time.
 * @throws OciError NAME_UNKNOWN where there is no such folder, LOCKED, UNSUPPORTED for a catalog of a later version,
 * CONTENT_DAMAGED, IO, NO_SPACE
 */
export async function openDepot(path: string, options: DepotOptions = {}): Promise<Depot> {
  const root = resolve(path);
  const disk = options.disk ?? nodeDisk;
  const found = await disk.lstat(root + sep);
  if (found?.type !== "directory") {
    throw new OciError("NAME_UNKNOWN", `There is no folder at ${JSON.stringify(path)}`);
  }
  const own = join(root, ".berth");
  await makeDirectories(disk, own);
  const lock = await lockRoot(disk, root);
  let depot: CatalogDepot | undefined;
  try {
    const file = join(own, "catalog.db");
    const catalog = openCatalog(file);
    const onEvent = options.onEvent ?? ((): void => undefined);
    const runner =
      disk === nodeDisk
        ? new FollowWorker({ root, catalog: file, writer: catalog, onEvent })
        : new FollowHere({ root, disk, catalog, onEvent });
    const follower = new Follower({ root, disk, catalog, runner, onEvent });
    depot = new CatalogDepot({ root, disk, lock, catalog, follower, onEvent, leaseAge: options.leaseAge });
    await disk.syncDirectory(own);
    await depot.discover();
    return depot;
  } catch (error) {
    await (depot ? depot[Symbol.asyncDispose]() : lock.close());
    throw error;
  }
}
