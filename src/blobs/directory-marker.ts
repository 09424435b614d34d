import { dirname, join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { withLock } from "../disk/lock.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { readSmallFile, replaceFile } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import { encodeJson, isJsonObject, parseJson } from "../spec/json.ts";
import { emptyLayoutIndex, encodeLayoutIndex } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";

/** What may lie in a directory that is about to become a layout: nothing, or what a dead process had begun. */
const OWN_NAMES: ReadonlySet<string> = new Set([".berth", "blobs", "index.json"]);

/**
 * Reads the marker file `oci-layout`; false: there is none.
 * @throws OciError LAYOUT_INVALID when it is not what image-spec image-layout.md, "oci-layout file", asks for
 */
export async function hasMarker(disk: Disk, root: string): Promise<boolean> {
  const found = await readSmallFile(disk, join(root, "oci-layout"), Limits.layoutMarker, "layout marker");
  if (found === undefined) return false;
  const document = parseJson(found.bytes, "oci-layout", "LAYOUT_INVALID");
  const version = isJsonObject(document) ? document["imageLayoutVersion"] : undefined;
  if (typeof version !== "string" || !/^1\.0\.\d{1,9}$/.test(version)) {
    const got = JSON.stringify(version)?.slice(0, 60) ?? "nothing";
    throw new OciError("LAYOUT_INVALID", `The layout ${JSON.stringify(root)} has the version ${got}, expected 1.0.0`);
  }
  return true;
}

export interface MakeOptions extends Signal {
  /** The directory may hold other things than a layout's. */
  readonly mayHoldMore?: boolean;
}

/**
 * Makes a directory a layout, unless it is one. The marker comes last, so a layout
 * is whole or not there, also when many processes make it at once.
 * @throws OciError LAYOUT_INVALID when the directory holds something else, FILE_INVALID when there is a file in the way
 */
export async function makeLayout(disk: Disk, root: string, options: MakeOptions = {}): Promise<void> {
  const own = join(root, ".berth");
  if (await hasMarker(disk, root)) return await makeDirectories(disk, own);
  await requireNoFile(disk, root);
  if (!options.mayHoldMore) await requireFree(disk, root);
  await makeDirectories(disk, own);
  const make = async (): Promise<void> => {
    if (await hasMarker(disk, root)) return;
    await makeDirectories(disk, join(root, "blobs", "sha256"));
    if ((await disk.lstat(join(root, "index.json"))) === undefined) {
      await place(disk, root, "index.json", encodeLayoutIndex(emptyLayoutIndex));
    }
    await place(disk, root, "oci-layout", encodeJson({ imageLayoutVersion: "1.0.0" }));
  };
  await withLock(disk, join(own, "lock"), make, { signal: options.signal });
}

async function place(disk: Disk, root: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(root, ".berth", `${name}.new`);
  await replaceFile(disk, join(root, name), { temporary, directory: root }, bytes);
}

/** A file can neither be a layout nor have one below it. */
async function requireNoFile(disk: Disk, root: string): Promise<void> {
  let at = root;
  let found = await disk.lstat(at);
  while (found === undefined && dirname(at) !== at) {
    at = dirname(at);
    found = await disk.lstat(at);
  }
  if (found?.type !== "file" && found?.type !== "other") return;
  const what = at === root ? "it" : JSON.stringify(at);
  throw new OciError("FILE_INVALID", `Cannot make a layout at ${JSON.stringify(root)}: ${what} is a file`);
}

async function requireFree(disk: Disk, root: string): Promise<void> {
  for await (const entry of disk.readdir(root)) {
    if (OWN_NAMES.has(entry.name) || entry.name === "oci-layout") continue;
    throw new OciError(
      "LAYOUT_INVALID",
      `Cannot make a layout of ${JSON.stringify(root)}: it holds ${JSON.stringify(entry.name)} already`,
      { hint: "Give a new or empty directory" },
    );
  }
}
