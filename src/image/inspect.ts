import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { HistoryEntry, ImageConfig, RunConfig } from "../spec/image-config.ts";
import type { ImageManifest, Manifest } from "../spec/manifest.ts";
import type { Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { manifestEdges } from "../store/successors.ts";
import { layerTar } from "../store/layer-tar.ts";
import { readConfig, readManifest } from "./read-image.ts";

/** A layer with what the configuration says of it. */
export interface LayerReport {
  readonly descriptor: Descriptor;
  readonly diffId?: Digest;
  /** The line of the history that made it, where the history is complete. */
  readonly createdBy?: string;
  /** Bytes of the tar inside, where the descriptor tells or the layer was measured. */
  readonly uncompressedSize?: number;
}

/** Something that hangs on a manifest. */
export interface AttachedReport {
  readonly digest: Digest;
  readonly artifactType?: string;
  readonly size: number;
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
  /** BuildKit's attestation: the digest in the same index that it speaks of. */
  readonly attests?: string;
  /** What the statements in the layers are about (in-toto predicate types). */
  readonly predicates?: readonly string[];
  /** Bytes of all layers unpacked, where all of them are known. */
  readonly uncompressedSize?: number;
  readonly referrers: number;
  /** The first of them. */
  readonly attached: readonly AttachedReport[];
}

/** Several platforms, or a manifest that is neither an index nor an image. */
export interface IndexReport {
  readonly form: "index";
  readonly descriptor: Descriptor;
  readonly artifactType?: string;
  readonly images: readonly (ImageReport | IndexReport | OtherReport)[];
  readonly annotations: Annotations;
  readonly referrers: number;
  /** The first of them. */
  readonly attached: readonly AttachedReport[];
}

/** A child that is listed as it is: a layer in an index, an attestation, an unknown type. */
export interface OtherReport {
  readonly form: "other";
  readonly descriptor: Descriptor;
}

export type Report = ImageReport | IndexReport | OtherReport;

export interface InspectOptions extends Signal {
  /** Read layers to say how large they are unpacked. False by default: manifests and configurations alone are read. */
  readonly measure?: boolean;
}

/** Indexes inside indexes that a report shows. */
const MAX_DEPTH = 8;
/** Referrers that a report names; all are counted. */
const MAX_ATTACHED = 100;

/**
 * Describes an image or an index with everything below it.
 * @throws OciError MANIFEST_UNKNOWN, MANIFEST_INVALID, LIMIT_EXCEEDED
 */
export async function inspectImage(
  source: Source,
  descriptor: Descriptor,
  options: InspectOptions = {},
): Promise<Report> {
  return inspect(source, descriptor, options, 0);
}

async function inspect(
  source: Source,
  descriptor: Descriptor,
  options: InspectOptions,
  depth: number,
): Promise<Report> {
  const { manifest } = await readManifest(source, descriptor, options.signal ? { signal: options.signal } : {});
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
    ...(await attachedTo(source, descriptor, options)),
  };
}

function typeOf(manifest: Manifest): { artifactType?: string } {
  return manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType };
}

async function inspectManifest(
  source: Source,
  descriptor: Descriptor,
  manifest: ImageManifest,
  options: InspectOptions,
): Promise<ImageReport> {
  const waiting: Signal = options.signal ? { signal: options.signal } : {};
  const config = await readConfig(source, manifest, waiting);
  const layers = await sizedLayers(source, layerReports(manifest, config), options);
  const unpacked = layers.map(({ uncompressedSize }) => uncompressedSize);
  const whole = config && unpacked.every((size) => size !== undefined);
  const blobs = [manifest.config, ...manifest.layers];
  return {
    form: "image",
    descriptor,
    ...typeOf(manifest),
    ...(config ? configFields(config) : {}),
    ...(config || !descriptor.platform ? {} : { platform: descriptor.platform }),
    layers,
    ...(whole ? { uncompressedSize: unpacked.reduce((sum: number, size) => sum + (size ?? 0), 0) } : {}),
    size: blobs.reduce((sum, blob) => sum + blob.size, descriptor.size),
    history: (config?.history ?? []).map(historyLine),
    annotations: manifest.annotations ?? {},
    ...baseOf(manifest.annotations ?? {}),
    ...statementsOf(descriptor, manifest),
    ...(await attachedTo(source, descriptor, options)),
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

async function attachedTo(
  source: Source,
  descriptor: Descriptor,
  { signal }: InspectOptions,
): Promise<{ referrers: number; attached: readonly AttachedReport[] }> {
  let referrers = 0;
  const attached: AttachedReport[] = [];
  for await (const referrer of source.referrers(descriptor, signal ? { signal } : {})) {
    referrers += 1;
    const { digest, artifactType, size } = referrer.descriptor;
    if (referrers > MAX_ATTACHED) continue;
    attached.push({ digest, ...(artifactType === undefined ? {} : { artifactType }), size });
  }
  return { referrers, attached };
}

/** Where lazy pulling needs it, the descriptor tells the size. */
const UNPACKED = ["io.containers.estargz.uncompressed-size", "io.github.containers.zstd-chunked.uncompressed-size"];

function toldSize({ mediaType, size, annotations }: Descriptor): number | undefined {
  if (/[.]tar$/.test(mediaType)) return size;
  const told = UNPACKED.map((key) => annotations?.[key]).find((text) => text !== undefined && /^\d{1,15}$/.test(text));
  return told === undefined ? undefined : Number(told);
}

async function sizedLayers(
  source: Source,
  layers: readonly LayerReport[],
  options: InspectOptions,
): Promise<readonly LayerReport[]> {
  const sized: LayerReport[] = [];
  for (const layer of layers) {
    const size =
      toldSize(layer.descriptor) ?? (options.measure === true ? await measured(source, layer, options) : undefined);
    sized.push(size === undefined ? layer : { ...layer, uncompressedSize: size });
  }
  return sized;
}

async function measured(source: Source, { descriptor }: LayerReport, { signal }: InspectOptions): Promise<number> {
  let size = 0;
  for await (const chunk of layerTar(source, descriptor, signal ? { signal } : {})) size += chunk.length;
  return size;
}

function statementsOf(descriptor: Descriptor, manifest: ImageManifest): Pick<ImageReport, "attests" | "predicates"> {
  const attests = descriptor.annotations?.[Annotation.DockerReferenceDigest];
  const predicates = manifest.layers.flatMap(({ annotations }) => annotations?.["in-toto.io/predicate-type"] ?? []);
  return {
    ...(attests === undefined ? {} : { attests }),
    ...(predicates.length === 0 ? {} : { predicates: [...new Set(predicates)] }),
  };
}

/** The history of an image as a Dockerfile, as far as a history tells it. */
export function dockerfileOf(report: ImageReport): readonly string[] {
  const base = report.base?.name ?? report.base?.digest;
  return [...(base === undefined ? [] : [`FROM ${base}`]), ...report.history];
}
