import { join } from "node:path";
import { DirectoryBlobs } from "../blobs/directory.ts";
import { makeLayout } from "../blobs/directory-marker.ts";
import type { Disk } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
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
import { followedStore } from "./followed-store.ts";
import type { Follower } from "./follow.ts";
import type { Turns } from "../store/turns.ts";

/** The stamp of an index.json that is empty because it was made with the repository. */
const MADE_HERE = "made";

/** What a repository asks of the depot that it is in. */
export interface DepotShared {
  readonly disk: Disk;
  readonly catalog: Catalog;
  readonly repositoryRows: SqlRepositories;
  readonly turns: Turns;
  readonly follower: Follower;
  /** Milliseconds, as in {@link DirectoryOptions.leaseAge}. */
  readonly leaseAge: number | undefined;
  /** Makes room on a full disk, in all repositories: they share it. */
  makeRoom(): Promise<boolean>;
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
  #retired = false;
  #making: Promise<void> | undefined;

  constructor(depot: DepotShared, name: string, path: string) {
    this.name = name;
    this.path = path;
    this.#depot = depot;
    this.blobs = new DepotBlobs(path, {
      disk: depot.disk,
      turns: depot.turns,
      reclaim: () => depot.makeRoom(),
      ...(depot.leaseAge === undefined ? {} : { leaseAge: depot.leaseAge }),
      prepare: () => this.#prepare(),
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
    const store = decorate(
      repository(this.blobs, names, { location: { medium: "layout", path }, turns: depot.turns }),
      {
        mount: (descriptor, from, options) => this.#mount(descriptor, from, options),
      },
    );
    this.store = followedStore(store, this);
  }

  get follower(): Follower {
    return this.#depot.follower;
  }

  /** Its number in the catalog; undefined: nothing was pushed to it yet. */
  get id(): number | undefined {
    return this.#id;
  }

  /** Looks for it in the catalog, and takes in a layout that lies in its place. */
  async open(): Promise<void> {
    const row = await this.#depot.repositoryRows.find(this.name);
    if (row?.isRead) this.#id = row.id;
    else await this.#takeIn();
  }

  /** Ends it: whoever has it still in hands cannot write any more. */
  retire(): void {
    this.#id = undefined;
    this.#retired = true;
  }

  /** Takes in the layout that lies in its place. */
  async #takeIn(): Promise<void> {
    const { follower, repositoryRows } = this.#depot;
    if (await follower.discover(this.name)) this.#id = (await repositoryRows.find(this.name))?.id;
  }

  /** Whether something was pushed to it, or lies in its place by now. */
  async look(): Promise<boolean> {
    if (this.#id === undefined && !this.#retired) await this.#once(() => this.#takeIn());
    return this.#id !== undefined;
  }

  /** Makes the layout and the row, so that something can be pushed. */
  async #ensure(): Promise<number> {
    while (this.#id === undefined) {
      if (this.#retired) throw new OciError("NAME_UNKNOWN", `The repository ${this.name} was removed meanwhile`);
      await this.#once(() => this.#make());
    }
    return this.#id;
  }

  /** What was removed from under a server has to be a layout again before something is acknowledged in it. */
  async #prepare(): Promise<void> {
    await this.#ensure();
    const { disk } = this.#depot;
    if ((await disk.lstat(join(this.path, "oci-layout"))) !== undefined) return;
    await this.#once(() => makeLayout(disk, this.path, { mayHoldMore: true }));
    this.#depot.changed(this);
  }

  async #once(work: () => Promise<void>): Promise<void> {
    this.#making ??= work().finally(() => {
      this.#making = undefined;
    });
    await this.#making;
  }

  async #make(): Promise<void> {
    await this.#takeIn();
    if (this.#id !== undefined) return;
    // Repositories below this one may be there before it.
    await makeLayout(this.#depot.disk, this.path, { mayHoldMore: true });
    this.#id = await this.#depot.repositoryRows.add(this.name, MADE_HERE);
  }

  /** From a neighbour without reading it, from any other layout with its digest checked. */
  async #mount(descriptor: Descriptor, from?: Location, options: Signal = {}): Promise<"mounted" | false> {
    if (from?.medium !== "layout" || from.path === this.path) return false;
    const { digest } = descriptor;
    const neighbour = await this.#depot.openedAt(from.path);
    if (neighbour && (await this.blobs.share(digest, neighbour.blobs))) return "mounted";
    const source = neighbour?.blobs ?? new DirectoryBlobs(from.path, { disk: this.#depot.disk, readOnly: true });
    return (await this.blobs.link(digest, source, options)) ? "mounted" : false;
  }
}
