import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { walkRepositories } from "../blobs/directory-repositories.ts";
import type { Disk } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { openCatalog } from "../names/sql-catalog.ts";
import { checkCatalog, copyCatalog } from "../names/sql-check.ts";
import type { Catalog } from "../names/sql-database.ts";
import { followedRepositories } from "../names/sql-follow.ts";
import { SqlRepositories } from "../names/sql-repositories.ts";
import { type FollowContext, openFollowed } from "./follow-context.ts";
import type { FollowEvent } from "./follow-event.ts";
import { importIndex } from "./follow-import.ts";
import { pruneNames } from "./follow-prune.ts";
import { lockRoot } from "./server-lock.ts";

export interface ReindexOptions {
  /** What is missing in the layouts goes from the catalog. False by default. */
  readonly prune?: boolean;
  /** Works on a copy of the catalog: tells what would happen. False by default. */
  readonly dryRun?: boolean;
  readonly disk?: Disk;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: FollowEvent) => void;
}

/** What a rebuild did. */
export interface ReindexReport {
  readonly repositories: number;
  readonly repositoriesRemoved: number;
  readonly tags: { readonly added: number; readonly moved: number; readonly removed: number };
  readonly manifests: { readonly added: number; readonly removed: number };
  /** Layouts that could not be read: of them the catalog says what it said. */
  readonly unreadable: readonly { readonly repository: string; readonly reason: string }[];
  /** Where a damaged catalog was moved to. */
  readonly damaged?: string;
}

/**
 * Rebuilds a depot's catalog from its layouts, while no server holds the root. Also where there is no catalog, or a
 * damaged one, which is moved aside. The layouts stay as they are.
 * @throws OciError NAME_UNKNOWN where there is no such folder, or nothing of a depot in it, LOCKED, UNSUPPORTED for a catalog of a later version,
 * IO, NO_SPACE
 */
export async function reindex(path: string, options: ReindexOptions = {}): Promise<ReindexReport> {
  const root = resolve(path);
  const disk = options.disk ?? nodeDisk;
  if ((await disk.lstat(root + sep))?.type !== "directory") {
    throw new OciError("NAME_UNKNOWN", `There is no folder at ${JSON.stringify(path)}`);
  }
  if ((await disk.lstat(join(root, "oci-layout"))) !== undefined) {
    throw new OciError("LAYOUT_INVALID", `${JSON.stringify(path)} is a layout, expected a folder of layouts`, {
      hint: "A layout that is served on its own has no catalog",
    });
  }
  const own = join(root, ".berth");
  if ((await disk.lstat(join(own, "catalog.db"))) === undefined && !(await hasRepository(disk, root))) {
    throw new OciError("NAME_UNKNOWN", `There is no layout below ${JSON.stringify(path)}, and no catalog`, {
      hint: "Give the folder that berth serve was given",
    });
  }
  if (options.dryRun) return await rehearse(root, disk, options);
  await makeDirectories(disk, own);
  await using _lock = await lockRoot(disk, root);
  const file = join(own, "catalog.db");
  const damaged = (await isDamaged(disk, file)) ? await setAside(disk, file) : undefined;
  await using catalog = openCatalog(file);
  await disk.syncDirectory(own);
  return { ...(await rebuild({ disk, root, catalog }, options)), ...(damaged === undefined ? {} : { damaged }) };
}

async function hasRepository(disk: Disk, root: string): Promise<boolean> {
  for await (const _name of walkRepositories(disk, root)) return true;
  return false;
}

/** Does it all with a copy of the catalog. */
async function rehearse(root: string, disk: Disk, options: ReindexOptions): Promise<ReindexReport> {
  const folder = await mkdtemp(join(tmpdir(), "berth-reindex-"));
  try {
    const file = join(root, ".berth", "catalog.db");
    const copy = join(folder, "catalog.db");
    const damaged = await isDamaged(disk, file);
    if (!damaged && (await disk.lstat(file)) !== undefined) copyCatalog(file, copy);
    await using catalog = openCatalog(copy);
    const report = await rebuild({ disk, root, catalog }, options);
    return { ...report, ...(damaged ? { damaged: asideOf(file) } : {}) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @throws OciError UNSUPPORTED for a catalog of a later version */
async function isDamaged(disk: Disk, file: string): Promise<boolean> {
  if ((await disk.lstat(file)) === undefined) return false;
  try {
    checkCatalog(file);
    return false;
  } catch (error) {
    if (isOciError(error, "CONTENT_DAMAGED")) return true;
    throw error;
  }
}

function asideOf(file: string): string {
  return `${file}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
}

/** What it had written and not yet moved into the file goes with it. */
async function setAside(disk: Disk, file: string): Promise<string> {
  const aside = asideOf(file);
  for (const suffix of ["-wal", "-shm", ""]) {
    if ((await disk.lstat(`${file}${suffix}`)) !== undefined)
      await disk.rename(`${file}${suffix}`, `${aside}${suffix}`);
  }
  return aside;
}

async function rebuild(
  { disk, root, catalog }: { readonly disk: Disk; readonly root: string; readonly catalog: Catalog },
  options: ReindexOptions,
): Promise<Omit<ReindexReport, "damaged">> {
  const { prune = false, signal } = options;
  const context: FollowContext = { disk, root, catalog, onEvent: options.onEvent ?? ((): void => undefined) };
  const seen = new Set<string>();
  const unreadable: { repository: string; reason: string }[] = [];
  const count = { added: 0, moved: 0, removed: 0, manifestsAdded: 0, manifestsRemoved: 0 };
  for await (const name of walkRepositories(disk, root, { signal })) {
    seen.add(name);
    try {
      const layout = await openFollowed(context, name, { add: true });
      if (layout === undefined) continue;
      const last = await layout.names.lastListing();
      const result = await importIndex(context, layout, { keepLost: true, signal });
      count.added += result.tagsAdded;
      count.moved += result.tagsMoved;
      count.manifestsAdded += result.manifestsAdded;
      if (!prune) continue;
      const { tagsRemoved, manifestsRemoved } = await pruneNames(context, layout, result, last);
      count.removed += tagsRemoved;
      count.manifestsRemoved += manifestsRemoved;
    } catch (error) {
      if (!isOciError(error, "LAYOUT_INVALID", "IO")) throw error;
      unreadable.push({ repository: name, reason: error.message });
    }
  }
  const repositoriesRemoved = prune ? await pruneRepositories(catalog, seen) : 0;
  return {
    repositories: seen.size,
    repositoriesRemoved,
    tags: { added: count.added, moved: count.moved, removed: count.removed },
    manifests: { added: count.manifestsAdded, removed: count.manifestsRemoved },
    unreadable,
  };
}

/** Forgets the repositories whose layouts are gone. */
async function pruneRepositories(catalog: Catalog, seen: ReadonlySet<string>): Promise<number> {
  const rows = new SqlRepositories(catalog);
  const gone: string[] = [];
  for await (const { name } of followedRepositories(catalog.read)) if (!seen.has(name)) gone.push(name);
  for (const name of gone) await rows.remove(name);
  return gone.length;
}
