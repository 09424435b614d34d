import { join, resolve } from "node:path";
import { isStale } from "../blobs/directory-staging.ts";
import { DirectoryBlobs } from "../blobs/directory.ts";
import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { readSmallFile } from "../disk/small-file.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { type LayoutIndex, parseLayoutIndex } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import { UPLOAD_AGE } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import { checkBlobs } from "./fsck-blobs.ts";
import { checkGraph, checkNames } from "./fsck-graph.ts";
import { Findings, type FsckEvent, type FsckReport } from "./fsck-report.ts";
import { hasMarker } from "../blobs/directory-marker.ts";

export interface FsckOptions extends Signal {
  readonly disk?: Disk;
  /** Told of every finding and every blob that was hashed, as it happens. */
  readonly onEvent?: (event: FsckEvent) => void;
}

/**
 * Checks a layout: marker, index.json, the type, size and digest of every blob, also
 * of those that nothing leads to, and that everything named is there. It changes nothing.
 * @throws OciError NAME_UNKNOWN where there is nothing, FILE_INVALID where a file lies, IO when it cannot be read
 */
export async function fsckLayout(path: string, options: FsckOptions = {}): Promise<FsckReport> {
  const root = resolve(path);
  const { disk = nodeDisk, signal } = options;
  const found = await disk.lstat(root);
  if (found?.type === "file" || found?.type === "other") {
    throw new OciError("FILE_INVALID", `Expected a directory at ${JSON.stringify(path)}, got a file`, {
      hint: "Check the path; a layout in a tar is extracted first: mkdir layout && tar -xf FILE -C layout",
    });
  }
  if (found === undefined) {
    throw new OciError("NAME_UNKNOWN", `There is no layout at ${JSON.stringify(path)}: the directory does not exist`);
  }
  const findings = new Findings(options.onEvent);
  const blobs = new DirectoryBlobs(root, { disk });
  await checkMarker(disk, root, findings);
  const index = await checkIndex(disk, root, findings);
  const tags = index ? checkNames(index, findings) : 0;
  const checked = await checkBlobs(root, blobs, findings, signal);
  // Without the index nobody knows what leads where, so nothing is an orphan either.
  const manifests = index === undefined ? 0 : await checkGraph(index, blobs, checked, findings, signal);
  await checkStaging(disk, root, findings);
  let bytes = 0;
  for (const { size } of checked.values()) bytes += Math.max(size, 0);
  return { path: root, clean: findings.clean, blobs: checked.size, bytes, manifests, tags, findings: findings.all };
}

async function checkMarker(disk: Disk, root: string, findings: Findings): Promise<void> {
  try {
    if (await hasMarker(disk, root)) return;
    findings.add("marker-invalid", "There is no oci-layout file");
  } catch (error) {
    if (!isOciError(error, "LAYOUT_INVALID")) throw error;
    findings.add("marker-invalid", error.message);
  }
}

async function checkIndex(disk: Disk, root: string, findings: Findings): Promise<LayoutIndex | undefined> {
  try {
    const found = await readSmallFile(disk, join(root, "index.json"), Limits.layoutIndex, "layout index");
    if (found) return parseLayoutIndex(found.bytes);
    findings.add("index-invalid", "There is no index.json");
  } catch (error) {
    if (!isOciError(error, "LAYOUT_INVALID")) throw error;
    findings.add("index-invalid", error.message);
  }
  return undefined;
}

/** Uploads of this day may still be resumed; older ones are removed by the next write. */
async function checkStaging(disk: Disk, root: string, findings: Findings): Promise<void> {
  for (const kind of ["uploads", "trash"]) {
    for await (const entry of disk.readdir(join(root, ".berth", kind))) {
      const stat = await disk.lstat(join(root, ".berth", kind, entry.name));
      if (stat && isStale(stat, UPLOAD_AGE)) {
        findings.add("stale-upload", `.berth/${kind}/${entry.name} (${stat.size} bytes) was left behind`);
      }
    }
  }
}
