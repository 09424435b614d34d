import type { Bytes } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { ENTRY_LETTERS } from "../tar/entry-letter.ts";
import type { ContentDiff, DiffOptions, DiffSide } from "./diff-manifests.ts";
import { listLayer, type ListedFile } from "./layer-listing.ts";
import { prettyJson, textDiff } from "./text-diff.ts";

/** Files of two layers that are not the same, in the order of their paths. */
export interface LayerDiff extends ContentDiff {
  readonly added: readonly ListedFile[];
  readonly removed: readonly ListedFile[];
  readonly changed: readonly { readonly before: ListedFile; readonly after: ListedFile }[];
}

/**
 * Compares two blobs: configurations and other JSON as indented JSON, layers as lists of files with type,
 * mode, owner, size and digest of the content.
 * @throws OciError ARCHIVE_INVALID where one is neither, USAGE where they are of different kinds, LIMIT_EXCEEDED
 */
export async function diffBlobs(
  one: DiffSide,
  other: DiffSide,
  options: DiffOptions = {},
): Promise<ContentDiff | LayerDiff> {
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const same = one.descriptor.digest === other.descriptor.digest;
  const [left, right] = [await readSide(one, signal), await readSide(other, signal)];
  if (typeof left === "string" && typeof right === "string") {
    const diff = await textDiff({ name: one.name, text: left }, { name: other.name, text: right }, options.context);
    return { same, diff };
  }
  if (typeof left !== "string" && typeof right !== "string") {
    const found = compare(left, right);
    return { same, ...found, diff: layerText(found, one.name, other.name) };
  }
  throw new OciError("USAGE", `Cannot compare JSON with a layer: ${one.name} and ${other.name}`);
}

/** The indented text of JSON, or the files of a layer. */
async function readSide(
  { source, descriptor }: DiffSide,
  signal: Signal,
): Promise<string | ReadonlyMap<string, ListedFile>> {
  const read = (): Bytes => source.fetch(descriptor, { kind: "blob", ...signal });
  if (descriptor.size <= Limits.config && (await startsAsJson(read()))) {
    return prettyJson(parseJson(await collect(read(), Limits.config, `blob ${descriptor.digest}`), "blob"));
  }
  return await listLayer(source, descriptor, signal);
}

async function startsAsJson(bytes: Bytes): Promise<boolean> {
  for await (const chunk of bytes) {
    const start = Buffer.from(chunk.subarray(0, 512)).toString("latin1");
    // The first file of a tar may have such a name.
    return /^\s*[{[]/.test(start) && start.slice(257, 262) !== "ustar";
  }
  return false;
}

type Compared = Pick<LayerDiff, "added" | "removed" | "changed">;

function compare(left: ReadonlyMap<string, ListedFile>, right: ReadonlyMap<string, ListedFile>): Compared {
  const sorted = (files: Iterable<ListedFile>): ListedFile[] =>
    [...files].toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  const removed = sorted(left.values()).filter(({ path }) => !right.has(path));
  const added = sorted(right.values()).filter(({ path }) => !left.has(path));
  const changed = sorted(left.values()).flatMap((before) => {
    const after = right.get(before.path);
    return after === undefined || fileLine(before) === fileLine(after) ? [] : [{ before, after }];
  });
  return { added, removed, changed };
}

const PERMISSIONS = ["r", "w", "x", "r", "w", "x", "r", "w", "x"] as const;

/** `-rwxr-xr-x 0:0 1234 sha256:… usr/bin/app` */
function fileLine({ path, type, mode, uid, gid, size, digest, linkPath }: ListedFile): string {
  const bits = PERMISSIONS.map((letter, at) => (mode & (0o400 >> at) ? letter : "-")).join("");
  const special = mode & 0o7000 ? ` +${(mode & 0o7000).toString(8)}` : "";
  const link = linkPath === undefined ? "" : ` -> ${linkPath}`;
  return `${ENTRY_LETTERS[type]}${bits}${special} ${uid}:${gid} ${size} ${digest ?? "-"} ${path}${link}`;
}

/** The same form as a unified diff, without equal files. */
function layerText({ added, removed, changed }: Compared, one: string, other: string): string {
  const lines = [
    ...removed.map((file) => ({ path: file.path, lines: [`-${fileLine(file)}`] })),
    ...added.map((file) => ({ path: file.path, lines: [`+${fileLine(file)}`] })),
    ...changed.map(({ before, after }) => ({
      path: before.path,
      lines: [`-${fileLine(before)}`, `+${fileLine(after)}`],
    })),
  ].toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  if (lines.length === 0) return "";
  return [`--- ${one}`, `+++ ${other}`, ...lines.flatMap((each) => each.lines), ""].join("\n");
}
