import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { type Manifest, parseManifest } from "../spec/manifest.ts";
import { isIndexType, MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { manifestEdges } from "../store/successors.ts";
import { chartTitle, readChartName } from "./chart.ts";
import { checkDistinct, parseTitle } from "./title.ts";

/** What a pull is to write. */
export interface PullContent extends Signal {
  readonly source: Pick<Source, "fetch">;
  /** The artifact's manifest, resolved. */
  readonly descriptor: Descriptor;
  /** Layers without a title too (those of a Helm chart have helm's names in any case), named `<algorithm>-<hex>`. */
  readonly all?: boolean;
  /** The artifact's config too, under this title; one of another media type than the given one is left. */
  readonly config?: { readonly title: string; readonly mediaType?: string };
  /** Also the files of its subject, of the subject's subject, and so on. */
  readonly includeSubject?: boolean;
}

/** A blob and where it goes. */
export interface WantedFile {
  readonly descriptor: Descriptor;
  readonly parts: readonly string[];
  readonly folder: boolean;
  readonly role: "layer" | "config";
}

/** The files that an artifact comes to. */
export interface WantedFiles {
  readonly artifactType?: string;
  readonly wanted: readonly WantedFile[];
  /** Layers left behind: they have no title. */
  readonly skipped: readonly Descriptor[];
}

/** Layers that stand for none; the second is what the first was called before image-spec 1.1. */
const NOTHING: ReadonlySet<string> = new Set([MediaType.Empty, "application/vnd.oci.scratch.v1+json"]);

async function readManifest({ source, signal }: PullContent, descriptor: Descriptor): Promise<Manifest> {
  const bytes = source.fetch(descriptor, { kind: "manifest", ...(signal ? { signal } : {}) });
  return parseManifest(await collect(bytes, Limits.manifest, "manifest"), descriptor.mediaType);
}

async function readArtifact(options: PullContent): Promise<Manifest> {
  const { descriptor } = options;
  const manifest = await readManifest(options, descriptor);
  if (manifest.form !== "index" && manifest.form !== "opaque") return manifest;
  const what = manifest.form === "index" ? "an index" : `of the type ${descriptor.mediaType}`;
  throw new OciError("USAGE", `Cannot pull files from ${descriptor.digest}: it is ${what}, not an artifact`, {
    digest: descriptor.digest,
    hint: "Choose one manifest of an index with --platform or by its digest; see: berth discover",
  });
}

function layersOf(manifest: Manifest): readonly Descriptor[] {
  return manifestEdges(manifest)
    .filter(({ role }) => role === "layer" || role === "blob")
    .map(({ descriptor }) => descriptor)
    .filter(({ mediaType }) => !NOTHING.has(mediaType));
}

/** Decides where the layers of one manifest go, by their titles alone. @throws OciError FILE_INVALID */
async function choose(
  manifest: Manifest,
  options: PullContent,
): Promise<{ wanted: WantedFile[]; skipped: Descriptor[] }> {
  const { source, signal } = options;
  const chart = await readChartName(source, manifest, signal ? { signal } : {});
  const wanted: WantedFile[] = [];
  const skipped: Descriptor[] = [];
  for (const descriptor of layersOf(manifest)) {
    const title = descriptor.annotations?.[Annotation.Title] ?? chartTitle(descriptor, chart);
    if (title !== undefined) {
      const folder = descriptor.annotations?.[Annotation.OrasUnpack] === "true";
      wanted.push({ descriptor, parts: parseTitle(title), folder, role: "layer" });
    } else if (options.all === true) {
      const parts = [`${algorithmOf(descriptor.digest)}-${encodedOf(descriptor.digest)}`];
      // The same layer twice is one file.
      if (!wanted.some((each) => each.parts[0] === parts[0]))
        wanted.push({ descriptor, parts, folder: false, role: "layer" });
    } else {
      skipped.push(descriptor);
    }
  }
  return { wanted, skipped };
}

function configOf(manifest: Manifest, { config }: PullContent): WantedFile | undefined {
  if (config === undefined || manifest.form !== "image") return undefined;
  if (config.mediaType !== undefined && config.mediaType !== manifest.config.mediaType) return undefined;
  return { descriptor: manifest.config, parts: parseTitle(config.title), folder: false, role: "config" };
}

/** What a manifest hangs on, and what an index lists: an index has no files of its own. */
function above(manifest: Manifest, descriptor: Descriptor): readonly Descriptor[] {
  return manifestEdges(manifest)
    .filter(({ role }) => role === "subject" || (role === "child" && isIndexType(descriptor.mediaType)))
    .map((edge) => bareDescriptor(edge.descriptor));
}

/**
 * Reads which files an artifact comes to, and with `includeSubject` those of what it hangs on.
 * @throws OciError USAGE (an index, a manifest of no known form), FILE_INVALID (a title that leads out of the directory,
 *   two files of one title), MANIFEST_UNKNOWN, LIMIT_EXCEEDED, and whatever the source throws
 */
export async function readPullContent(options: PullContent): Promise<WantedFiles> {
  const { descriptor: root, signal } = options;
  const manifest = await readArtifact(options);
  const { wanted, skipped } = await choose(manifest, options);
  const config = configOf(manifest, options);
  if (config) wanted.unshift(config);
  const seen = new Set<Digest>([root.digest]);
  const places = new Set(wanted.map(placeOf));
  const left = options.includeSubject === true ? [...above(manifest, root)] : [];
  for (let next = left.pop(); next; next = left.pop()) {
    if (seen.has(next.digest)) continue;
    signal?.throwIfAborted();
    seen.add(next.digest);
    if (seen.size > Limits.discoverNodes) {
      throw new OciError("LIMIT_EXCEEDED", `More than ${Limits.discoverNodes} manifests are above ${root.digest}`);
    }
    const further = await readManifest(options, next);
    const found = await choose(further, options);
    // What an artifact has in common with its subject is one file.
    wanted.push(...found.wanted.filter((each) => !places.has(placeOf(each))));
    for (const each of found.wanted) places.add(placeOf(each));
    skipped.push(...found.skipped);
    left.push(...above(further, next));
  }
  checkDistinct(wanted.map(({ parts }) => parts));
  const { artifactType } = manifest;
  return { ...(artifactType === undefined ? {} : { artifactType }), wanted, skipped };
}

/** The same content at the same place. */
function placeOf({ descriptor, parts, folder }: WantedFile): string {
  return `${descriptor.digest} ${folder} ${parts.join("/")}`;
}

/**
 * The one layer that an artifact has, to be read without a file.
 * @throws OciError USAGE where it has none or several
 */
export async function onlyLayer(options: Pick<PullContent, "source" | "descriptor" | "signal">): Promise<Descriptor> {
  const layers = layersOf(await readArtifact(options));
  const [layer] = layers;
  if (layer && layers.length === 1) return layer;
  const titles = layers.slice(0, 5).map(({ digest, annotations }) => annotations?.[Annotation.Title] ?? digest);
  const which =
    layers.length === 0 ? "no files" : `${layers.length} files (${titles.join(", ")}${layers.length > 5 ? ", …" : ""})`;
  throw new OciError("USAGE", `Expected one file, ${options.descriptor.digest} has ${which}`, {
    digest: options.descriptor.digest,
    hint: "Write them into a directory, or get one with: berth blob get",
  });
}
