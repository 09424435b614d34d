import { join } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { isDigest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { doneContent, type OnArtifactEvent, plannedContent } from "./event.ts";
import { conflict, OutputDirectory } from "./output-directory.ts";
import type { StagedEntry } from "./staged.ts";
import { type PullContent, readPullContent, type WantedFile } from "./pull-content.ts";
import { unpackFolder } from "./unpack.ts";
import { eachOf } from "../transfer/workers.ts";

export interface PullArtifactOptions extends PullContent {
  /** Where the files go; made when it is missing. Nothing is ever written outside it. */
  readonly output: string;
  /** Replace files whose content differs; otherwise they are a CONFLICT. */
  readonly overwrite?: boolean;
  /** A file that is there is a CONFLICT, even with the same content; wins over `overwrite`. */
  readonly keepOld?: boolean;
  /** Say what would be written, and write nothing. */
  readonly dryRun?: boolean;
  /** Blobs on their way at a time; 3 when absent. */
  readonly concurrency?: number;
  readonly onEvent?: OnArtifactEvent;
  readonly disk?: Disk;
}

/** What becomes of a file that is there. */
type Existing = "replace" | "keep" | "refuse";

export interface PulledFile {
  readonly title: string;
  /** Absolute. */
  readonly path: string;
  readonly descriptor: Descriptor;
  readonly role: "layer" | "config";
  /** It was packed as a folder and unpacked again. */
  readonly folder: boolean;
  /** "unchanged": it was there with the same content. */
  readonly outcome: "written" | "unchanged";
}

export interface PulledArtifact {
  readonly descriptor: Descriptor;
  readonly artifactType?: string;
  readonly files: readonly PulledFile[];
  /** Layers left behind: they have no title. */
  readonly skipped: readonly Descriptor[];
}

/**
 * Writes the files of an artifact into a directory. All of them are fetched and
 * checked beside their places first; then each takes its place by a rename. A
 * file that is there with the same content is kept, one that differs is an
 * error before anything is written, unless `overwrite` is set; with `keepOld` either is.
 * @throws OciError FILE_INVALID (a title or a link that leads out of the directory), CONFLICT,
 *   USAGE (not an artifact), ARCHIVE_INVALID, and whatever the source throws
 */
export async function pullArtifact(options: PullArtifactOptions): Promise<PulledArtifact> {
  const { descriptor, onEvent, signal } = options;
  const existing: Existing = options.keepOld === true ? "refuse" : options.overwrite === true ? "replace" : "keep";
  const { artifactType, wanted, skipped } = await readPullContent(options);
  for (const layer of skipped) onEvent?.({ type: "untitled", descriptor: layer });
  const artifact = { descriptor, ...(artifactType === undefined ? {} : { artifactType }), skipped };
  if (wanted.length === 0) return { ...artifact, files: [] };

  const disk = options.disk ?? nodeDisk;
  if (options.dryRun === true && (await isMissing(options.output, disk))) {
    return { ...artifact, files: wanted.map((each) => pulled(each, options.output, "written")) };
  }
  await using output = await OutputDirectory.open(options.output, disk);
  const missing = await compare(wanted, output, existing);
  const staged = new Map<WantedFile, readonly StagedEntry[]>();
  if (options.dryRun !== true) {
    for (const each of missing) onEvent?.(plannedContent(each.descriptor, "blob", each.role));
    onEvent?.({ type: "plan-complete" });
    await eachOf(missing, options.concurrency ?? 3, async (each) => {
      signal?.throwIfAborted();
      staged.set(each, await stage(each, output, options));
    });
  }
  const changed = await land(missing, staged, output, existing);
  return {
    ...artifact,
    files: wanted.map((each) => {
      const written = options.dryRun === true ? missing.includes(each) : changed.has(each);
      return pulled(each, output.root, written ? "written" : "unchanged");
    }),
  };
}

function pulled(
  { descriptor, parts, folder, role }: WantedFile,
  root: string,
  outcome: PulledFile["outcome"],
): PulledFile {
  return { title: parts.join("/"), path: join(root, ...parts), descriptor, role, folder, outcome };
}

async function isMissing(path: string, disk: Disk): Promise<boolean> {
  return (await disk.lstat(path)) === undefined;
}

/** Looks at every place before anything is fetched; gives what is not there yet. */
async function compare(
  wanted: readonly WantedFile[],
  output: OutputDirectory,
  existing: Existing,
): Promise<WantedFile[]> {
  const missing: WantedFile[] = [];
  const differing: string[] = [];
  for (const each of wanted) {
    const { descriptor, parts, folder } = each;
    const found = await output.look(folder ? { type: "directory", parts } : { type: "file", parts, ...descriptor });
    if (found === "other" || (existing === "refuse" && found === "same" && !folder)) differing.push(parts.join("/"));
    // What a folder that is there holds is known only once the layer is unpacked.
    if (found !== "same" || folder) missing.push(each);
  }
  if (differing.length > 0 && existing !== "replace") throw conflict(differing, existing === "refuse");
  return missing;
}

/** Fetches one layer into the staging directory. */
async function stage(
  { descriptor, parts, folder }: WantedFile,
  output: OutputDirectory,
  options: PullArtifactOptions,
): Promise<readonly StagedEntry[]> {
  const { source, signal, onEvent } = options;
  const waits = signal === undefined ? {} : { signal };
  const bytes = counted(source.fetch(descriptor, { kind: "blob", ...waits }), descriptor, onEvent);
  const staging = await output.stagingFor();
  let entries: readonly StagedEntry[];
  if (folder) {
    const contentDigest = descriptor.annotations?.[Annotation.OrasContentDigest];
    entries = await unpackFolder(bytes, parts, output, {
      staging,
      maxEntries: Limits.folderEntries,
      ...(contentDigest !== undefined && isDigest(contentDigest) ? { contentDigest } : {}),
      ...waits,
    });
  } else {
    const path = join(staging, "file");
    entries = [{ type: "file", parts, path, ...(await output.write(path, bytes)) }];
  }
  onEvent?.(doneContent(descriptor, "blob", false));
  return entries;
}

async function* counted(bytes: Bytes, descriptor: Descriptor, onEvent: OnArtifactEvent | undefined): Bytes {
  for await (const chunk of bytes) {
    onEvent?.({ type: "progress", descriptor, bytes: chunk.length });
    yield chunk;
  }
}

/** Checks all places once more, now with the entries of the folders, and then puts everything in place. */
async function land(
  layers: readonly WantedFile[],
  staged: ReadonlyMap<WantedFile, readonly StagedEntry[]>,
  output: OutputDirectory,
  existing: Existing,
): Promise<ReadonlySet<WantedFile>> {
  const differing: string[] = [];
  for (const entry of [...staged.values()].flat()) {
    const found = await output.look(entry);
    const refused = existing === "refuse" && found === "same" && entry.type !== "directory";
    if (found === "other" || refused) differing.push(entry.parts.join("/"));
  }
  if (differing.length > 0 && existing !== "replace") throw conflict(differing, existing === "refuse");
  const changed = new Set<WantedFile>();
  for (const layer of layers) {
    for (const entry of staged.get(layer) ?? []) {
      if ((await output.land(entry, existing === "replace")) === "written") changed.add(layer);
    }
  }
  await output.sync();
  return changed;
}
