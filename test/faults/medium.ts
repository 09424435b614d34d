import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import type { Registry } from "../../src/store/store.ts";

/** A kind of registry on a disk. */
export interface Medium {
  readonly name: string;
  open(root: string, disk?: Disk): Promise<Registry>;
  /** Everything wrong with a registry that nobody has open; empty when it is sound. */
  findings(root: string): Promise<readonly string[]>;
}

export const layouts: Medium = {
  name: "a folder of layouts",
  open: (root, disk) => openLayoutFolder(root, disk === undefined ? {} : { disk }),
  findings: layoutFindings,
};

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
