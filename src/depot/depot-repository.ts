import { hasMarker, makeLayout } from "../blobs/directory-marker.ts";
import type { Disk } from "../disk/disk.ts";
import { SqlNames } from "../names/sql.ts";
import type { Catalog } from "../names/sql-database.ts";
import type { SqlRepositories } from "../names/sql-repositories.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import { decorate } from "../store/decorate.ts";
import { repository } from "../store/repository.ts";
import type { Location, Store } from "../store/store.ts";
import { DepotBlobs } from "./depot-blobs.ts";
import { importLayout } from "./import-layout.ts";

/** What a repository asks of the depot that it is in. */
export interface DepotShared {
  readonly disk: Disk;
  readonly catalog: Catalog;
  readonly repositoryRows: SqlRepositories;
  openedAt(path: string): Promise<DepotRepository | undefined>;
  /** A blob came in. */
  published(repository: DepotRepository, digest: Digest): void;
  /** Names have changed. */
  changed(repository: DepotRepository): void;
}

/** One repository of a depot: a layout for the bytes, rows of the catalog for the names. */
export class DepotRepository {
  readonly name: string;
  readonly path: string;
  readonly blobs: DepotBlobs;
  readonly store: Store;
  readonly #depot: DepotShared;
  #id: number | undefined;
  #making: Promise<number> | undefined;

  constructor(depot: DepotShared, name: string, path: string) {
    this.name = name;
    this.path = path;
    this.#depot = depot;
    this.blobs = new DepotBlobs(path, {
      disk: depot.disk,
      prepare: async () => void (await this.#ensure()),
      onPublish: (digest) => {
        depot.published(this, digest);
      },
    });
    const names = new SqlNames(depot.catalog, {
      id: () => this.#id,
      ensure: () => this.#ensure(),
      onChange: () => {
        depot.changed(this);
      },
    });
    this.store = decorate(repository(this.blobs, names, { location: { medium: "layout", path } }), {
      mount: (descriptor, from, options) => this.#mount(descriptor, from, options),
    });
  }

  /** Its number in the catalog; undefined: nothing was pushed to it yet. */
  get id(): number | undefined {
    return this.#id;
  }

  /** Looks for it in the catalog, and takes in a layout that lies in its place. */
  async open(): Promise<void> {
    const { repositoryRows } = this.#depot;
    const row = await repositoryRows.find(this.name);
    if (row?.isRead || !(await hasMarker(this.#depot.disk, this.path))) this.#id = row?.id;
    else await this.#takeIn();
  }

  async #takeIn(): Promise<void> {
    const { catalog, disk, repositoryRows } = this.#depot;
    const id = await repositoryRows.add(this.name);
    await importLayout(catalog, id, this.path, { disk, blobs: this.blobs });
    this.#id = id;
  }

  /** Makes the layout and the row, so that something can be pushed. */
  async #ensure(): Promise<number> {
    if (this.#id !== undefined) return this.#id;
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return await this.#making;
  }

  async #make(): Promise<number> {
    const { disk, repositoryRows } = this.#depot;
    // Repositories below this one may be there before it.
    await makeLayout(disk, this.path, { mayHoldMore: true });
    this.#id = await repositoryRows.add(this.name);
    return this.#id;
  }

  /** From a neighbour without reading it, from any other layout with its digest checked. */
  async #mount(descriptor: Descriptor, from?: Location, options: Signal = {}): Promise<"mounted" | false> {
    if (from?.medium !== "layout" || from.path === this.path) return false;
    const neighbour = await this.#depot.openedAt(from.path);
    if (neighbour === undefined) return false;
    const { digest } = descriptor;
    if (await this.blobs.share(digest, neighbour.blobs)) return "mounted";
    return (await this.blobs.link(digest, neighbour.blobs, options)) ? "mounted" : false;
  }
}
