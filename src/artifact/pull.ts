import { join } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { algorithmOf, encodedOf, isDigest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { manifestEdges } from "../store/successors.ts";
import { type ChartName, chartTitle, readChartName } from "./chart.ts";
import { doneContent, type OnArtifactEvent, plannedContent } from "./event.ts";
import { conflict, OutputDirectory } from "./output-directory.ts";
import type { StagedEntry } from "./staged.ts";
import { checkDistinct, parseTitle } from "./title.ts";
import { unpackFolder } from "./unpack.ts";
import { eachOf } from "./workers.ts";

export interface PullArtifactOptions extends Signal {
  readonly source: Pick<Source, "fetch">;
  /** The artifact's manifest, resolved. */
  readonly descriptor: Descriptor;
  /** Where the files go; made when it is missing. Nothing is ever written outside it. */
  readonly output: string;
  /** Replace files whose content differs; otherwise they are a CONFLICT. */
  readonly overwrite?: boolean;
  /** Write layers without a title too (those of a Helm chart have helm's names in any case), named `<algorithm>-<hex>`. */
  readonly all?: boolean;
  /** Say what would be written, and write nothing. */
  readonly dryRun?: boolean;
  /** Blobs on their way at a time; 3 when absent. */
  readonly concurrency?: number;
  readonly onEvent?: OnArtifactEvent;
  readonly disk?: Disk;
}

export interface PulledFile {
  readonly title: string;
  /** Absolute. */
  readonly path: string;
  readonly descriptor: Descriptor;
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

/** Layers that stand for none; the second is what the first was called before image-spec 1.1. */
const NOTHING: ReadonlySet<string> = new Set([MediaType.Empty, "application/vnd.oci.scratch.v1+json"]);

/** A layer and where it goes. */
interface Wanted {
  readonly descriptor: Descriptor;
  readonly parts: readonly string[];
  readonly folder: boolean;
}

async function layersOf(
  options: PullArtifactOptions,
): Promise<{ artifactType?: string; chart?: ChartName; layers: readonly Descriptor[] }> {
  const { source, descriptor, signal } = options;
  const bytes = source.fetch(descriptor, { kind: "manifest", ...(signal ? { signal } : {}) });
  const manifest = parseManifest(await collect(bytes, Limits.manifest, "manifest"), descriptor.mediaType);
  if (manifest.form === "index" || manifest.form === "opaque") {
    const what = manifest.form === "index" ? "an index" : `of the type ${descriptor.mediaType}`;
    throw new OciError("USAGE", `Cannot pull files from ${descriptor.digest}: it is ${what}, not an artifact`, {
      digest: descriptor.digest,
      hint: "Choose one manifest of an index with --platform or by its digest; see: berth discover",
    });
  }
  const chart = await readChartName(source, manifest, signal ? { signal } : {});
  const blobs = manifestEdges(manifest).filter((edge) => edge.role === "layer" || edge.role === "blob");
  return {
    ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
    ...(chart === undefined ? {} : { chart }),
    layers: blobs.map((edge) => edge.descriptor).filter(({ mediaType }) => !NOTHING.has(mediaType)),
  };
}

/** Decides what goes where, by the titles alone. @throws OciError FILE_INVALID */
function choose(
  layers: readonly Descriptor[],
  chart: ChartName | undefined,
  all: boolean,
): { wanted: Wanted[]; skipped: Descriptor[] } {
  const wanted: Wanted[] = [];
  const skipped: Descriptor[] = [];
  for (const descriptor of layers) {
    const title = descriptor.annotations?.[Annotation.Title] ?? chartTitle(descriptor, chart);
    if (title !== undefined) {
      const folder = descriptor.annotations?.[Annotation.OrasUnpack] === "true";
      wanted.push({ descriptor, parts: parseTitle(title), folder });
    } else if (all) {
      const name = `${algorithmOf(descriptor.digest)}-${encodedOf(descriptor.digest)}`;
      // The same layer twice is one file.
      if (!wanted.some(({ parts }) => parts[0] === name)) wanted.push({ descriptor, parts: [name], folder: false });
    } else {
      skipped.push(descriptor);
    }
  }
  checkDistinct(wanted.map(({ parts }) => parts));
  return { wanted, skipped };
}

/**
 * Writes the files of an artifact into a directory. All of them are fetched and
 * checked beside their places first; then each takes its place by a rename. A
 * file that is there with the same content is kept, one that differs is an
 * error before anything is written, unless `overwrite` is set.
 * @throws OciError FILE_INVALID (a title or a link that leads out of the directory), CONFLICT,
 *   USAGE (not an artifact), ARCHIVE_INVALID, and whatever the source throws
 */
export async function pullArtifact(options: PullArtifactOptions): Promise<PulledArtifact> {
  const { descriptor, onEvent, signal, overwrite = false } = options;
  const { artifactType, chart, layers } = await layersOf(options);
  const { wanted, skipped } = choose(layers, chart, options.all === true);
  for (const layer of skipped) onEvent?.({ type: "untitled", descriptor: layer });
  const artifact = { descriptor, ...(artifactType === undefined ? {} : { artifactType }), skipped };
  if (wanted.length === 0) return { ...artifact, files: [] };

  const disk = options.disk ?? nodeDisk;
  if (options.dryRun === true && (await isMissing(options.output, disk))) {
    return { ...artifact, files: wanted.map((each) => pulled(each, options.output, "written")) };
  }
  await using output = await OutputDirectory.open(options.output, disk);
  const missing = await compare(wanted, output, overwrite);
  const staged = new Map<Wanted, readonly StagedEntry[]>();
  if (options.dryRun !== true) {
    for (const each of missing) onEvent?.(plannedContent(each.descriptor, "blob", "layer"));
    onEvent?.({ type: "plan-complete" });
    await eachOf(missing, options.concurrency ?? 3, async (each) => {
      signal?.throwIfAborted();
      staged.set(each, await stage(each, output, options));
    });
  }
  const changed = await land(missing, staged, output, overwrite);
  return {
    ...artifact,
    files: wanted.map((each) => {
      const written = options.dryRun === true ? missing.includes(each) : changed.has(each);
      return pulled(each, output.root, written ? "written" : "unchanged");
    }),
  };
}

function pulled({ descriptor, parts, folder }: Wanted, root: string, outcome: PulledFile["outcome"]): PulledFile {
  return { title: parts.join("/"), path: join(root, ...parts), descriptor, folder, outcome };
}

async function isMissing(path: string, disk: Disk): Promise<boolean> {
  return (await disk.lstat(path)) === undefined;
}

/** Looks at every place before anything is fetched; gives what is not there yet. */
async function compare(wanted: readonly Wanted[], output: OutputDirectory, overwrite: boolean): Promise<Wanted[]> {
  const missing: Wanted[] = [];
  const differing: string[] = [];
  for (const each of wanted) {
    const { descriptor, parts, folder } = each;
    const found = await output.look(folder ? { type: "directory", parts } : { type: "file", parts, ...descriptor });
    if (found === "other") differing.push(parts.join("/"));
    // What a folder that is there holds is known only once the layer is unpacked.
    if (found !== "same" || folder) missing.push(each);
  }
  if (differing.length > 0 && !overwrite) throw conflict(differing);
  return missing;
}

/** Fetches one layer into the staging directory. */
async function stage(
  { descriptor, parts, folder }: Wanted,
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
  layers: readonly Wanted[],
  staged: ReadonlyMap<Wanted, readonly StagedEntry[]>,
  output: OutputDirectory,
  overwrite: boolean,
): Promise<ReadonlySet<Wanted>> {
  const differing: string[] = [];
  for (const entry of [...staged.values()].flat()) {
    if ((await output.look(entry)) === "other") differing.push(entry.parts.join("/"));
  }
  if (differing.length > 0 && !overwrite) throw conflict(differing);
  const changed = new Set<Wanted>();
  for (const layer of layers) {
    for (const entry of staged.get(layer) ?? []) {
      if ((await output.land(entry, overwrite)) === "written") changed.add(layer);
    }
  }
  await output.sync();
  return changed;
}
