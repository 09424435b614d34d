import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openDepotUpkeep } from "../../src/depot/upkeep.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { OciError } from "../../src/error/oci-error.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { openFolderUpkeep } from "../../src/layout/upkeep.ts";
import { collectGarbage } from "../../src/lifecycle/collect-garbage.ts";
import { digestOfKey } from "../../src/names/sql-digest.ts";
import type { Registry } from "../../src/store/store.ts";
import type { Upkeep } from "../../src/store/upkeep.ts";

/** A registry that is open. */
export interface OpenRegistry {
  readonly registry: Registry;
  /** Resolves when what goes on behind the answers is done. */
  settle(): Promise<void>;
}

/** A kind of registry on a disk. */
export interface Medium {
  readonly name: string;
  open(root: string, disk?: Disk): Promise<OpenRegistry>;
  /** Collects garbage of any age, as another process would. @throws OciError, Error where something was kept */
  collect(root: string, disk?: Disk): Promise<void>;
  /** Trials of each operation and fault in a short run. */
  readonly points: number;
  /** Everything wrong with a registry that nobody has open; empty when it is sound. */
  findings(root: string): Promise<readonly string[]>;
}

export const layouts: Medium = {
  name: "a folder of layouts",
  points: 1,
  open: async (root, disk) => ({
    registry: await openLayoutFolder(root, disk === undefined ? {} : { disk }),
    settle: async () => undefined,
  }),
  findings: layoutFindings,
  collect: (root, disk) => collectAll(openFolderUpkeep(root, disk === undefined ? {} : { disk })),
};

export const depot: Medium = {
  name: "a depot",
  points: 2,
  async open(root, disk) {
    const registry = await openDepot(root, disk === undefined ? {} : { disk });
    return { registry, settle: () => registry.settle() };
  },
  findings: async (root) => [...(await layoutFindings(root)), ...(await catalogFindings(root))],
  collect: (root, disk) => collectAll(openDepotUpkeep(root, disk === undefined ? {} : { disk })),
};

async function collectAll(opening: Promise<Upkeep>): Promise<void> {
  await using upkeep = await opening;
  const { kept } = await collectGarbage(upkeep, { grace: 0 });
  const [first] = kept.flatMap(({ unreadable }) => unreadable);
  if (first) throw new OciError("IO", `Something could not be read: ${JSON.stringify(first)}`);
}

/** Every medium that a disk can fail under. */
export const MEDIA: readonly Medium[] = [layouts, depot];

/** The layouts below a directory. */
export async function layoutsBelow(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  const pending = [root];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      if (entry.name === "oci-layout") found.push(at);
      else if (entry.isDirectory() && ![".berth", "blobs"].includes(entry.name)) pending.push(join(at, entry.name));
    }
  }
  return found;
}

/** What fsck says of each layout, and what is left in its own directory once that was cleaned. */
export async function layoutFindings(root: string): Promise<readonly string[]> {
  const findings: string[] = [];
  for (const path of await layoutsBelow(root)) {
    const report = await fsckLayout(path);
    for (const { severity, message } of report.findings) {
      if (severity !== "note") findings.push(`${path}: ${message}`);
    }
    await new DirectoryBlobs(path).staging.clean(0);
    const own = await readdir(join(path, ".berth"), { recursive: true });
    for (const name of own) {
      if (!["lock", "uploads", "trash"].includes(name)) findings.push(`${path}: .berth/${name} is left`);
    }
  }
  return findings;
}

/** Names of the catalog that lead nowhere, and files of the depot's own that nobody needs. */
export async function catalogFindings(root: string): Promise<readonly string[]> {
  const findings: string[] = [];
  const path = join(root, ".berth", "catalog.db");
  const database = new DatabaseSync(path);
  try {
    const sound = database.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
    if (sound !== "ok") findings.push(`${path}: ${String(sound)}`);
    const manifests = database
      .prepare("SELECT name, digest, size FROM manifest JOIN repository ON id = repository_id")
      .all();
    for (const { name, digest, size } of manifests) {
      const blobs = new DirectoryBlobs(join(root, ...String(name).split("/")));
      const found = await blobs.stat(digestOfKey(digest as Uint8Array));
      if (found?.size !== size) {
        findings.push(
          `${String(name)}: ${digestOfKey(digest as Uint8Array)} has ${found?.size} bytes, not ${String(size)}`,
        );
      }
    }
    const dangling = database
      .prepare(
        `SELECT t.repository_id AS repository, t.name AS name FROM tag t
         LEFT JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
         WHERE t.digest IS NOT NULL AND m.digest IS NULL`,
      )
      .all();
    for (const { repository, name } of dangling)
      findings.push(`The tag ${String(name)} of ${String(repository)} dangles`);
  } finally {
    database.close();
  }
  for (const name of await readdir(join(root, ".berth"), { recursive: true })) {
    if (!/^(?:catalog\.db(?:-wal|-shm)?|gc\.(?:json|lock)|server\.lock|trash)$/.test(name))
      findings.push(`.berth/${name} is left`);
  }
  return findings;
}
