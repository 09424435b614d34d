import { join } from "node:path";
import type { Disk, DiskFile } from "../disk/disk.ts";
import type { Catalog } from "../names/sql-database.ts";
import { SqlRepositories } from "../names/sql-repositories.ts";
import { RECLAIM_AGE, Staging } from "../blobs/directory-staging.ts";
import { hasMarker } from "../blobs/directory-marker.ts";
import { repositoryAt, repositoryPath, requireOwnPath } from "../blobs/directory-repositories.ts";
import { isOciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import { isRepositoryName, parseRepositoryName } from "../spec/name.ts";
import type { Page } from "../store/names.ts";
import type { Registry, Store } from "../store/store.ts";
import type { Follower } from "./follow.ts";
import { DepotRepository, type DepotShared } from "./depot-repository.ts";
import { Deduplication } from "./deduplication.ts";
import { HoldingHints } from "./holding-hints.ts";
import { beginRemoval, resumeRemovals } from "./remove-repository.ts";
import { Turns } from "../store/turns.ts";
import type { DepotBlobs } from "./depot-blobs.ts";
import type { DepotEvent } from "./event.ts";

/** What a server keeps: many repositories below one root, each a layout, with one catalog for all of their names. */
export interface Depot extends Registry {
  remove(name: string): Promise<void>;
  holders(digest: Digest): AsyncIterable<string>;
  /** Resolves when the work that goes on behind answers is done. */
  settle(): Promise<void>;
}

export interface DepotParts {
  readonly root: string;
  readonly disk: Disk;
  readonly lock: DiskFile;
  readonly catalog: Catalog;
  readonly follower: Follower;
  readonly onEvent: (event: DepotEvent) => void;
  readonly leaseAge: number | undefined;
}

/** Repositories kept open; one that is not asked for any more is opened again at the next request. */
const OPEN_REPOSITORIES = 2000;

export class CatalogDepot implements Depot, DepotShared {
  readonly root: string;
  readonly disk: Disk;
  readonly catalog: Catalog;
  readonly leaseAge: number | undefined;
  readonly repositoryRows: SqlRepositories;
  readonly turns: Turns = new Turns();
  readonly follower: Follower;
  readonly #hints: HoldingHints;
  readonly #deduplication: Deduplication;
  readonly #lock: DiskFile;
  readonly #open = new Map<string, DepotRepository>();
  readonly #opening = new Map<string, Promise<DepotRepository>>();
  #makingRoom: Promise<boolean> | undefined;
  #closing: Promise<void> | undefined;

  constructor({ root, disk, lock, catalog, follower, onEvent, leaseAge }: DepotParts) {
    this.root = root;
    this.disk = disk;
    this.catalog = catalog;
    this.leaseAge = leaseAge;
    this.repositoryRows = new SqlRepositories(catalog);
    this.#lock = lock;
    this.follower = follower;
    const repositories = this.repositoryRows;
    this.#deduplication = new Deduplication({ repositories, onEvent, open: (name) => this.opened(name) });
    this.#hints = new HoldingHints({
      repositories,
      onWritten: (repository, digest) => {
        this.#deduplication.add(repository, digest);
      },
    });
  }

  async repository(name: string): Promise<Store> {
    return (await this.opened(name)).store;
  }

  async has(name: string): Promise<boolean> {
    const open = this.#open.get(name);
    if (open) return await open.look();
    if (!isRepositoryName(name)) return false;
    if ((await this.repositoryRows.find(name)) === undefined) {
      // Another tool may have put a layout there. What is not there at all takes no place among those that are open.
      const path = await requireOwnPath(this.disk, this.root, name);
      if (!(await hasMarker(this.disk, path))) return false;
    }
    return await (await this.opened(name)).look();
  }

  repositories(options: Page & { readonly prefix?: string } = {}): AsyncIterable<string> {
    return this.repositoryRows.names(options);
  }

  async *holders(digest: Digest): AsyncGenerator<string, void, undefined> {
    await this.#hints.flush();
    for await (const { id, name } of this.repositoryRows.holders(digest)) {
      const { blobs } = await this.opened(name);
      if (await isThere(blobs, digest)) yield name;
      else await this.repositoryRows.release(digest, id);
    }
  }

  async remove(name: string): Promise<void> {
    parseRepositoryName(name);
    await this.#opening.get(name);
    const open = this.#open.get(name);
    const removing = this.#remove(name, open);
    this.#open.delete(name);
    // Whoever asks for it meanwhile gets the new one, once the old one is out of its way.
    const reopening = removing.then(() => this.#openRepository(name)).finally(() => this.#opening.delete(name));
    reopening.catch(() => undefined);
    this.#opening.set(name, reopening);
    await removing;
  }

  makeRoom(): Promise<boolean> {
    this.#makingRoom ??= this.#expireUploads().finally(() => {
      this.#makingRoom = undefined;
    });
    return this.#makingRoom;
  }

  published(repository: DepotRepository, digest: Digest): void {
    this.#hints.add(repository, digest);
  }

  changed({ name }: DepotRepository): void {
    this.follower.wrote(name);
  }

  async settle(): Promise<void> {
    await this.#hints.flush();
    await this.#deduplication.settle();
    await this.catalog.settle();
    await this.follower.settle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends removals that were cut short, and takes in what changed below the root while nobody served it. */
  async discover(): Promise<void> {
    const isKnown = async (name: string): Promise<boolean> => (await this.repositoryRows.find(name)) !== undefined;
    await resumeRemovals(this.disk, this.root, isKnown);
    await this.follower.start();
  }

  /** @throws OciError NAME_INVALID, NAME_UNKNOWN where a link or a file is in the way */
  async opened(name: string): Promise<DepotRepository> {
    const known = this.#open.get(name);
    if (known) {
      // Taken out and put back: the map's first one is the one that was not asked for the longest.
      this.#open.delete(name);
      this.#open.set(name, known);
      return known;
    }
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#openRepository(parseRepositoryName(name)).finally(() => this.#opening.delete(name));
      this.#opening.set(name, opening);
    }
    return await opening;
  }

  /** The repository whose directory this is; undefined: none of ours. */
  async openedAt(path: string): Promise<DepotRepository | undefined> {
    const name = repositoryAt(this.root, path);
    return name === undefined ? undefined : await this.opened(name);
  }

  async #expireUploads(): Promise<boolean> {
    let uploads = 0;
    for await (const name of this.repositories()) {
      const staging = new Staging(this.disk, join(repositoryPath(this.root, name), ".berth"));
      uploads += (await staging.expire(RECLAIM_AGE)).uploads;
    }
    return uploads > 0;
  }

  async #remove(name: string, open: DepotRepository | undefined): Promise<void> {
    const path = await requireOwnPath(this.disk, this.root, name);
    await this.follower.forget(name, async () => {
      const removal = await beginRemoval(this.disk, this.root, name);
      await this.repositoryRows.remove(name);
      open?.retire();
      await removal.finish(path);
    });
  }

  async #openRepository(name: string): Promise<DepotRepository> {
    const path = await requireOwnPath(this.disk, this.root, name);
    const fresh = new DepotRepository(this, name, path);
    await fresh.open();
    const [oldest] = this.#open.keys();
    if (this.#open.size >= OPEN_REPOSITORIES && oldest !== undefined) this.#open.delete(oldest);
    this.#open.set(name, fresh);
    return fresh;
  }

  async #close(): Promise<void> {
    try {
      await this.#hints.flush();
      await this.#deduplication[Symbol.asyncDispose]();
      await this.follower[Symbol.asyncDispose]();
      await this.catalog[Symbol.asyncDispose]();
    } finally {
      this.#open.clear();
      await this.#lock.close();
    }
  }
}

/** Something that is no regular file is no blob. */
async function isThere(blobs: DepotBlobs, digest: Digest): Promise<boolean> {
  try {
    return (await blobs.lstat(digest)) !== undefined;
  } catch (error) {
    if (isOciError(error, "CONTENT_DAMAGED", "LAYOUT_INVALID")) return false;
    throw error;
  }
}
