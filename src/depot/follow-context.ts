import { DirectoryBlobs } from "../blobs/directory.ts";
import { requireOwnPath } from "../blobs/directory-repositories.ts";
import type { Disk, EntryStat } from "../disk/disk.ts";
import type { Catalog, SqlStatement } from "../names/sql-database.ts";
import { OciError } from "../error/oci-error.ts";
import { addRepository, FollowChanges } from "../names/sql-follow-changes.ts";
import { FollowedNames, followedRepository } from "../names/sql-follow.ts";
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

export interface OpenFollowedOptions {
  /** Makes the repository known to the catalog where it is not. */
  readonly add?: boolean;
}

/** @returns undefined when the catalog does not know the repository */
export async function openFollowed(
  { disk, root, catalog }: FollowContext,
  name: string,
  options: OpenFollowedOptions = {},
): Promise<FollowedLayout | undefined> {
  let known = await followedRepository(catalog.read, name);
  if (known === undefined && options.add) {
    await addRepository(catalog, name);
    known = await followedRepository(catalog.read, name);
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

/** Writes to the catalog in jobs of a bearable size, in order. */
export class ChangeWriter {
  readonly #catalog: Pick<Catalog, "write">;
  readonly #layout: FollowedLayout;
  #statements: SqlStatement[] = [];

  constructor(context: FollowContext, layout: FollowedLayout) {
    this.#catalog = context.catalog;
    this.#layout = layout;
  }

  /** Adds statements that belong together. */
  async add(statements: readonly SqlStatement[]): Promise<void> {
    this.#statements.push(...statements);
    if (this.#statements.length >= STATEMENTS) await this.flush();
  }

  /** @throws OciError NAME_UNKNOWN when the repository was removed meanwhile */
  async flush(): Promise<void> {
    const statements = this.#statements;
    this.#statements = [];
    if (statements.length === 0) return;
    const outcome = await this.#catalog.write({ checks: [this.#layout.changes.check], statements });
    if ("failedCheck" in outcome) {
      throw new OciError("NAME_UNKNOWN", `The repository ${this.#layout.name} was removed meanwhile`);
    }
  }
}

/**
 * Milliseconds that a file has to be old before its stamp is trusted: two writes within one tick of the kernel's
 * clock can leave the same stamp. The second is for file systems that keep whole seconds only.
 */
const [SETTLED_AFTER, SETTLED_AFTER_COARSE] = [50, 2500] as const;

/** What tells one version of a file from another. */
export function stampOf(stat: EntryStat | undefined): string {
  if (stat === undefined) return "none";
  return [stat.device, stat.inode, stat.size, stat.modifiedNs, stat.changedNs].join(" ");
}

/** The stamp of a file that was read at a time; one that no file has, when it was too young then to be trusted. */
export function stampWhenRead(stat: EntryStat | undefined, at: number): string {
  if (stat === undefined) return stampOf(stat);
  const settled = stat.modifiedNs % 1_000_000_000n === 0n ? SETTLED_AFTER_COARSE : SETTLED_AFTER;
  const isSettled = at - Number(stat.changedNs / 1_000_000n) > settled;
  return isSettled ? stampOf(stat) : `${stampOf(stat)} unsettled`;
}
