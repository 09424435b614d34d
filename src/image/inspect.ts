import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { HistoryEntry, ImageConfig, RunConfig } from "../spec/image-config.ts";
import type { ImageManifest, Manifest } from "../spec/manifest.ts";
import type { Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { manifestEdges } from "../store/successors.ts";
import { readConfig, readManifest } from "./read-image.ts";

/** A layer with what the configuration says of it. */
export interface LayerReport {
  readonly descriptor: Descriptor;
  readonly diffId?: Digest;
  /** The line of the history that made it, where the history is complete. */
  readonly createdBy?: string;
}

/** One manifest, an image or an artifact. */
export interface ImageReport {
  readonly form: "image";
  readonly descriptor: Descriptor;
  readonly artifactType?: string;
  readonly platform?: Platform;
  readonly created?: string;
  readonly author?: string;
  /** Absent where the manifest carries something else than an image. */
  readonly run?: RunConfig;
  readonly layers: readonly LayerReport[];
  /** Bytes of manifest, configuration and layers, as they are stored. */
  readonly size: number;
  /** The history as lines of a Dockerfile. */
  readonly history: readonly string[];
  readonly annotations: Annotations;
  readonly base?: { readonly name?: string; readonly digest?: string };
  readonly referrers: number;
}

/** Several platforms, or a manifest that is neither an index nor an image. */
export interface IndexReport {
  readonly form: "index";
  readonly descriptor: Descriptor;
  readonly artifactType?: string;
  readonly images: readonly (ImageReport | IndexReport | OtherReport)[];
  readonly annotations: Annotations;
  readonly referrers: number;
}

/** A child that is listed as it is: a layer in an index, an attestation, an unknown type. */
export interface OtherReport {
  readonly form: "other";
  readonly descriptor: Descriptor;
}

export type Report = ImageReport | IndexReport | OtherReport;

/** Indexes inside indexes that a report shows. */
const MAX_DEPTH = 8;

/**
 * Describes an image or an index with everything below it; reads manifests and
 * configurations, never layers.
 * @throws OciError MANIFEST_UNKNOWN, MANIFEST_INVALID, LIMIT_EXCEEDED
 */
export async function inspectImage(source: Source, descriptor: Descriptor, options: Signal = {}): Promise<Report> {
  return inspect(source, descriptor, options, 0);
}

async function inspect(source: Source, descriptor: Descriptor, options: Signal, depth: number): Promise<Report> {
  const { manifest } = await readManifest(source, descriptor, options);
  if (manifest.form === "image") return inspectManifest(source, descriptor, manifest, options);
  if (manifest.form !== "index" || depth >= MAX_DEPTH) return { form: "other", descriptor };
  const images: Report[] = [];
  for (const edge of manifestEdges(manifest)) {
    if (edge.role === "subject") continue;
    images.push(
      edge.role === "child"
        ? await inspect(source, edge.descriptor, options, depth + 1)
        : { form: "other", descriptor: edge.descriptor },
    );
  }
  return {
    form: "index",
    descriptor,
    ...typeOf(manifest),
    images,
    annotations: manifest.annotations ?? {},
    referrers: await countReferrers(source, descriptor, options),
  };
}

function typeOf(manifest: Manifest): { artifactType?: string } {
  return manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType };
}

async function inspectManifest(
  source: Source,
  descriptor: Descriptor,
  manifest: ImageManifest,
  options: Signal,
): Promise<ImageReport> {
  const config = await readConfig(source, manifest, options);
  const blobs = [manifest.config, ...manifest.layers];
  return {
    form: "image",
    descriptor,
    ...typeOf(manifest),
    ...(config ? configFields(config) : {}),
    ...(config || !descriptor.platform ? {} : { platform: descriptor.platform }),
    layers: layerReports(manifest, config),
    size: blobs.reduce((sum, blob) => sum + blob.size, descriptor.size),
    history: (config?.history ?? []).map(historyLine),
    annotations: manifest.annotations ?? {},
    ...baseOf(manifest.annotations ?? {}),
    referrers: await countReferrers(source, descriptor, options),
  };
}

function configFields(config: ImageConfig): Pick<ImageReport, "platform" | "created" | "author" | "run"> {
  return {
    platform: config.platform,
    ...(config.created === undefined ? {} : { created: config.created }),
    ...(config.author === undefined ? {} : { author: config.author }),
    run: config.run,
  };
}

function layerReports(manifest: ImageManifest, config: ImageConfig | undefined): LayerReport[] {
  const made = config?.history.filter(({ emptyLayer }) => !emptyLayer) ?? [];
  const complete = made.length === manifest.layers.length;
  return manifest.layers.map((descriptor, index) => {
    const diffId = config?.diffIds[index];
    const createdBy = complete ? made[index]?.createdBy : undefined;
    return {
      descriptor,
      ...(diffId === undefined ? {} : { diffId }),
      ...(createdBy === undefined ? {} : { createdBy: dockerfileLine(createdBy) }),
    };
  });
}

/** The classic builder's `/bin/sh -c #(nop) CMD …` and BuildKit's trailing comment, as one would write them. */
function dockerfileLine(createdBy: string): string {
  const line = createdBy.trim().replace(/ # buildkit$/, "");
  const instruction = /^\/bin\/sh -c #\(nop\)\s+(.*)$/s.exec(line)?.[1];
  if (instruction !== undefined) return instruction;
  return line.startsWith("/bin/sh -c ") ? `RUN ${line.slice(11)}` : line;
}

function historyLine({ createdBy, comment }: HistoryEntry): string {
  return createdBy === undefined ? `# ${comment ?? "no record"}` : dockerfileLine(createdBy);
}

function baseOf(annotations: Annotations): Pick<ImageReport, "base"> {
  const name = annotations[Annotation.BaseName];
  const digest = annotations[Annotation.BaseDigest];
  if (name === undefined && digest === undefined) return {};
  return { base: { ...(name === undefined ? {} : { name }), ...(digest === undefined ? {} : { digest }) } };
}

async function countReferrers(source: Source, descriptor: Descriptor, options: Signal): Promise<number> {
  let count = 0;
  for await (const _referrer of source.referrers(descriptor, options)) count += 1;
  return count;
}
