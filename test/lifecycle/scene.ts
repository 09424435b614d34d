import { access, lutimes, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openDepotUpkeep } from "../../src/depot/upkeep.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { openLayoutUpkeep } from "../../src/layout/upkeep.ts";
import { collectGarbage, type CollectGarbageOptions, type CollectReport } from "../../src/lifecycle/collect-garbage.ts";
import { singleRegistry } from "../../src/open/open-registry.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { Registry, Store } from "../../src/store/store.ts";
import type { Upkeep } from "../../src/store/upkeep.ts";
import { quickFolder } from "../support/quick-folder.ts";

export const MEDIA = ["layout", "depot"] as const;
export type Medium = (typeof MEDIA)[number];

export const HOUR = 3_600_000;

/** A root with the repository `app`, open for clients and for those who keep it in order. */
export interface Scene extends AsyncDisposable {
  readonly medium: Medium;
  readonly root: string;
  /** Where the repository `app` lies. */
  readonly directory: string;
  readonly registry: Registry;
  readonly store: Store;
  openUpkeep(disk?: Disk): Promise<Upkeep>;
  gc(options?: CollectGarbageOptions): Promise<CollectReport>;
  /** Gives all blobs, or one of them, a time in the past. */
  age(milliseconds?: number, digest?: Digest): Promise<void>;
  has(digest: Digest): Promise<boolean>;
  digests(): Promise<readonly Digest[]>;
  path(digest: Digest): string;
}

export async function openScene(medium: Medium): Promise<Scene> {
  const root = await mkdtemp(join(quickFolder(), "berth-lifecycle-"));
  return await openSceneIn(medium, root, () => rm(root, { recursive: true, force: true }));
}

async function openSceneIn(medium: Medium, root: string, cleanup: () => Promise<void>): Promise<Scene> {
  const directory = medium === "layout" ? root : join(root, "app");
  const registry =
    medium === "layout" ? singleRegistry("app", await openLayout(root, { create: true })) : await openDepot(root);
  const store = await registry.repository("app");
  const openUpkeep = (disk?: Disk): Promise<Upkeep> =>
    medium === "layout" ? openLayoutUpkeep(root, disk ? { disk } : {}) : openDepotUpkeep(root, disk ? { disk } : {});
  const path = (digest: Digest): string => join(directory, "blobs", ...digest.split(":"));
  const digests = async (): Promise<readonly Digest[]> => {
    const names = await readdir(join(directory, "blobs", "sha256")).catch(() => []);
    return names.toSorted().map((name) => `sha256:${name}` as Digest);
  };
  return {
    medium,
    root,
    directory,
    registry,
    store,
    openUpkeep,
    async gc(options = {}) {
      await using upkeep = await openUpkeep();
      return await collectGarbage(upkeep, options);
    },
    async age(milliseconds = 2 * HOUR, digest) {
      const time = (Date.now() - milliseconds) / 1000;
      for (const each of digest ? [digest] : await digests()) await lutimes(path(each), time, time);
    },
    has: (digest) =>
      access(path(digest)).then(
        () => true,
        () => false,
      ),
    digests,
    path,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await cleanup();
    },
  };
}
