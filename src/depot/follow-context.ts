import { DirectoryBlobs } from "../blobs/directory.ts";
import { requireOwnPath } from "../blobs/directory-repositories.ts";
import type { Disk, EntryStat } from "../disk/disk.ts";
import type { Catalog, SqlStatement } from "../names/sql-database.ts";
import { FollowChanges } from "../names/sql-follow-changes.ts";
import { FollowedNames, followedRepository } from "../names/sql-follow.ts";
import { SqlRepositories } from "../names/sql-repositories.ts";
import type { FollowEvent } from "./follow-event.ts";

/** What following works with, wherever it runs. */
export interface FollowContext {
  readonly disk: Disk;
  /** The depot's folder. */
  readonly root: string;
  readonly catalog: Pick<Catalog, "read" | "write">;
  readonly onEvent: (event: FollowEvent) => void;
}

/** One repository on the disk and in the catalog. */
export interface FollowedLayout {
  readonly name: string;
  readonly path: string;
  readonly stamp: string | undefined;
  readonly blobs: DirectoryBlobs;
  readonly names: FollowedNames;
  readonly changes: FollowChanges;
}

/** Statements of one job: others get their turn at the catalog in between. */
const STATEMENTS = 500;

/** @param options.add makes the repository known to the catalog where it is not; undefined comes back without it */
export async function openFollowed(
  context: FollowContext,
  name: string,
  options: { readonly add?: boolean } = {},
): Promise<FollowedLayout | undefined> {
  const { disk, root, catalog } = context;
  let known = await followedRepository(catalog.read, name);
  if (known === undefined && options.add) {
    const id = await new SqlRepositories({ ...catalog, settle, [Symbol.asyncDispose]: settle }).add(name);
    known = { id, name, stamp: undefined };
  }
  if (known === undefined) return undefined;
  const path = await requireOwnPath(disk, root, name);
  return {
    name,
    path,
    stamp: known.stamp,
    blobs: new DirectoryBlobs(path, { disk }),
    names: new FollowedNames(catalog.read, known.id),
    changes: new FollowChanges(known.id),
  };
}

async function settle(): Promise<void> {}

/** Writes to the catalog in jobs of a bearable size, in order. */
export class ChangeWriter {
  readonly #catalog: Pick<Catalog, "write">;
  #statements: SqlStatement[] = [];

  constructor(catalog: Pick<Catalog, "write">) {
    this.#catalog = catalog;
  }

  /** Adds statements that belong together. */
  async add(statements: readonly SqlStatement[]): Promise<void> {
    this.#statements.push(...statements);
    if (this.#statements.length >= STATEMENTS) await this.flush();
  }

  async flush(): Promise<void> {
    const statements = this.#statements;
    this.#statements = [];
    if (statements.length > 0) await this.#catalog.write({ statements });
  }
}

/** What tells one version of a file from another. */
export function stampOf(stat: EntryStat | undefined): string {
  if (stat === undefined) return "none";
  return [stat.device, stat.inode, stat.size, stat.modifiedNs, stat.changedNs].join(" ");
}
