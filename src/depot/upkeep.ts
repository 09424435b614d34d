import { join, resolve } from "node:path";
import { DirectoryBlobs } from "../blobs/directory.ts";
import { hasMarker } from "../blobs/directory-marker.ts";
import { DirectoryNotes } from "../blobs/directory-notes.ts";
import { requireOwnPath } from "../blobs/directory-repositories.ts";
import { DirectoryUpkeep } from "../blobs/directory-upkeep.ts";
import { blockingDisk } from "../disk/blocking-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { readIndex } from "../names/index-json-pass.ts";
import { openCatalog } from "../names/sql-catalog.ts";
import type { Catalog } from "../names/sql-database.ts";
import { type FollowedRepository, followedRepository } from "../names/sql-follow.ts";
import { SqlRepositories } from "../names/sql-repositories.ts";
import { SqlUpkeep } from "../names/sql-upkeep.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import type { Forgotten } from "../store/forget.ts";
import type { ListedManifest, NamesUpkeep, RepositoryUpkeep, Upkeep } from "../store/upkeep.ts";
import { stampOf } from "./follow-context.ts";

export interface DepotUpkeepOptions {
  /** The one whose calls block, by default. */
  readonly disk?: Disk;
}

/**
 * Opens a depot for garbage collection and scrub; a server may work on it at the same time.
 * @throws OciError NAME_UNKNOWN where there is no catalog, UNSUPPORTED for one of a later version, CONTENT_DAMAGED, IO
 */
export async function openDepotUpkeep(path: string, options: DepotUpkeepOptions = {}): Promise<Upkeep> {
  const root = resolve(path);
  const disk = options.disk ?? blockingDisk;
  const file = join(root, ".berth", "catalog.db");
  if ((await disk.lstat(file))?.type !== "file") {
    throw new OciError("NAME_UNKNOWN", `There is no catalog at ${JSON.stringify(file)}`);
  }
  const opened = openCatalog(file);
  // Without the memory of names: a server writes to the catalog as well.
  const catalog: Catalog = {
    read: opened.read,
    write: (job) => opened.write(job),
    settle: () => opened.settle(),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
  const notes = new DirectoryNotes(root, disk);
  return {
    repositories: (range) => repositoriesOf({ root, disk, catalog }, range),
    recall: (name) => notes.recall(name),
    record: (name, document) => notes.record(name, document),
    alone: (name, work, waiting) => notes.alone(name, work, waiting),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

interface Parts {
  readonly root: string;
  readonly disk: Disk;
  readonly catalog: Catalog;
}

async function* repositoriesOf(
  { root, disk, catalog }: Parts,
  range: Signal & { readonly after?: string } = {},
): AsyncGenerator<RepositoryUpkeep, void, undefined> {
  for await (const name of new SqlRepositories(catalog).names(range)) {
    const known = await followedRepository(catalog.read, name);
    const path = await requireOwnPath(disk, root, name);
    // One that is being removed is gone in a moment.
    if (known === undefined || !(await isLayout(disk, path))) continue;
    const blobs = new DirectoryBlobs(path, { disk });
    const content = new DirectoryUpkeep(path, blobs);
    yield { name, content, names: new DepotNames({ root: path, disk, catalog }, known) };
  }
}

async function isLayout(disk: Disk, path: string): Promise<boolean> {
  try {
    return await hasMarker(disk, path);
  } catch (error) {
    // Damaged, but a layout: what cannot be read is told where it is read.
    if (isOciError(error, "LAYOUT_INVALID")) return true;
    throw error;
  }
}

/** The catalog's names of a repository, and those of index.json that the catalog has not taken over yet. */
class DepotNames implements NamesUpkeep {
  readonly #parts: Parts;
  readonly #name: string;
  readonly #rows: SqlUpkeep;

  /** @param parts `root` is the repository's own directory */
  constructor(parts: Parts, known: FollowedRepository) {
    this.#parts = parts;
    this.#name = known.name;
    this.#rows = new SqlUpkeep(parts.catalog, known.id);
  }

  async *manifests(options: Signal = {}): AsyncGenerator<ListedManifest, void, undefined> {
    yield* this.#rows.manifests(options);
    const { root, disk, catalog } = this.#parts;
    const stamp = stampOf(await disk.lstat(join(root, "index.json")));
    // As long as it is the one that the catalog has read or written there is nothing new in it.
    if (stamp === (await followedRepository(catalog.read, this.#name))?.stamp) return;
    for await (const entries of readIndex(disk, root)) {
      options.signal?.throwIfAborted();
      for (const { descriptor } of entries) {
        if (!(await this.#rows.has(descriptor.digest))) yield { descriptor: bareDescriptor(descriptor), foreign: true };
      }
    }
  }

  has(digest: Digest): Promise<boolean> {
    return this.#rows.has(digest);
  }

  tagged(options?: Signal): AsyncIterable<Descriptor> {
    return this.#rows.tagged(options);
  }

  referrers(subject: Descriptor, options?: Signal): AsyncIterable<Descriptor> {
    return this.#rows.referrers(subject, options);
  }

  forget(manifests: readonly Forgotten[], options?: Signal): Promise<readonly Forgotten[]> {
    return this.#rows.forget(manifests, options);
  }
}
