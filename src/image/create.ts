import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { JsonObject, JsonValue } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import { codecName, type Compression } from "../tar/compress.ts";
import type { Owner } from "../tar/tree.ts";
import type { AnnotationChange } from "./annotation-change.ts";
import { type Base, type BaseImage, basePlatforms, ociLayer, readBase } from "./base.ts";
import { changeConfig, changeLines, type ConfigChange, platformFields } from "./config-change.ts";
import type { OnImageEvent } from "./event.ts";
import { arrayField, objectField, toJson, withFields } from "../spec/json-edit.ts";
import { writeLayer, type WrittenLayer } from "./layer.ts";
import { type LayerInput, layerPlatforms } from "./layer-input.ts";
import { ImageWriter } from "./writer.ts";

export interface CreateImageOptions extends Signal {
  readonly target: Store;
  /** Names that the result gets, last of all. */
  readonly tags?: readonly string[];
  /** Lowest first, above those of the base. */
  readonly layers: readonly LayerInput[];
  /**
   * One manifest each; several make an index. Absent: those that layers name, else the base's
   * when it has only one.
   */
  readonly platforms?: readonly Platform[];
  readonly base?: Base;
  readonly config?: Omit<ConfigChange, "platform" | "created">;
  readonly annotations?: AnnotationChange;
  /** Of layers that are packed here; gzip by default. */
  readonly compression?: Compression;
  /** RFC 3339; 1970 by default, so that equal input gives equal digests. */
  readonly createdAt?: string;
  /** Seconds since 1970 that packed files get. 0 by default. */
  readonly epoch?: number;
  readonly owner?: Owner;
  readonly dryRun?: boolean;
  readonly onEvent?: OnImageEvent;
}

/** One platform of a created image. */
export interface CreatedImage {
  readonly platform: Platform;
  readonly descriptor: Descriptor;
  /** Layers that were added, without the base's. */
  readonly layers: readonly Omit<WrittenLayer, "tar">[];
}

export interface CreatedResult {
  /** The manifest, or the index of several. */
  readonly descriptor: Descriptor;
  readonly images: readonly CreatedImage[];
  /** What compressed the layers: the digests of packed layers are reproducible for the same codec, DiffIDs always. */
  readonly codec: string;
}

const EPOCH = "1970-01-01T00:00:00Z";

/**
 * Builds an image from folders and tars, on nothing or on a base from anywhere, without a
 * container engine. Layers are written first, then configurations, manifests, the index
 * and last the tags.
 *
 * @example
 *   await createImage({
 *     target: store,
 *     tags: ["v1"],
 *     layers: [{ path: "./dist", target: "/app" }],
 *     platforms: [{ os: "linux", architecture: "amd64" }],
 *     config: { entrypoint: ["/app/serve"] },
 *   });
 *
 * @throws OciError FILE_INVALID, ARCHIVE_INVALID, USAGE, PLATFORM_UNKNOWN, and what the stores throw
 */
export async function createImage(options: CreateImageOptions): Promise<CreatedResult> {
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const compression = options.compression ?? "gzip";
  const platforms = await choosePlatforms(options, signal);
  const bases = new Map<Platform, BaseImage>();
  // Everything that can be wrong with the base comes out before the first byte is written.
  if (options.base)
    for (const platform of platforms) bases.set(platform, await readBase(options.base, platform, signal));
  const writer = new ImageWriter(options);
  const written = new Map<LayerInput, WrittenLayer>();
  const images: CreatedImage[] = [];
  for (const platform of platforms) {
    const layers: WrittenLayer[] = [];
    for (const input of options.layers) {
      if (input.platform && !matchesPlatform(platform, input.platform)) continue;
      const { epoch = 0, owner } = options;
      const layer =
        written.get(input) ??
        (await writeLayer(input, writer, { compression, epoch, ...(owner ? { owner } : {}), ...signal }));
      written.set(input, layer);
      layers.push(layer);
    }
    const listed = platforms.length === 1 && !options.tags?.length;
    const descriptor = await writeImage({ options, writer, platform, base: bases.get(platform), layers, listed });
    // The base knows it better than whoever asked: os.version, variant.
    const told = layers.map(({ descriptor: layer, diffId, createdBy }) => ({ descriptor: layer, diffId, createdBy }));
    images.push({ platform: { ...platform, ...bases.get(platform)?.config.platform }, descriptor, layers: told });
  }
  const [only] = images;
  const descriptor = only && images.length === 1 ? only.descriptor : await writeIndex(options, writer, images);
  await writer.name(descriptor, options.tags ?? []);
  return { descriptor, images, codec: codecName(compression) };
}

async function choosePlatforms(options: CreateImageOptions, signal: Signal): Promise<readonly Platform[]> {
  const { platforms = [], layers, base } = options;
  const named = layerPlatforms(layers);
  if (platforms.length > 0) {
    const names = platforms.map(formatPlatform);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new OciError("USAGE", `The platform ${twice} is given twice`);
    const unused = named.find((wanted) => !platforms.some((platform) => matchesPlatform(platform, wanted)));
    if (unused) throw new OciError("USAGE", `A layer is for ${formatPlatform(unused)}, which is none of the platforms`);
    return platforms;
  }
  if (named.length > 0) return named;
  const offered = base ? await basePlatforms(base, signal) : [];
  if (offered.length === 1) return offered;
  if (!base) throw new OciError("USAGE", "An image without a base needs a platform");
  const list = offered.map(formatPlatform).join(", ") || "none";
  throw new OciError("USAGE", `The base offers several platforms: name those to build for (it has ${list})`);
}

interface ImageParts {
  readonly options: CreateImageOptions;
  readonly writer: ImageWriter;
  readonly platform: Platform;
  readonly base: BaseImage | undefined;
  readonly layers: readonly WrittenLayer[];
  readonly listed: boolean;
}

async function writeImage(parts: ImageParts): Promise<Descriptor> {
  const { options, writer, base, layers } = parts;
  if (options.base && base) {
    for (const layer of base.manifest.layers) await writer.carry(layer, options.base.source);
  }
  const config = await writer.json(configDocument(parts), MediaType.ImageConfig);
  const annotations = {
    ...baseAnnotations(options.base, base?.descriptor),
    ...setAnnotations(options.annotations?.manifest),
  };
  const document: JsonObject = {
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    config: toJson(config),
    layers: toJson([...(base?.manifest.layers ?? []).map(ociLayer), ...layers.map(({ descriptor }) => descriptor)]),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  return (await writer.manifest(document, MediaType.ImageManifest, parts.listed)).descriptor;
}

function configDocument({ options, platform, base, layers }: ImageParts): JsonObject {
  const created = options.createdAt ?? EPOCH;
  const change: ConfigChange = { ...options.config, created };
  const start: JsonObject = base
    ? base.config.document
    : withFields(
        { created },
        { ...platformFields(platform), config: {}, rootfs: { type: "layers", diff_ids: [] }, history: [] },
      );
  const document = changeConfig(start, change);
  const rootfs = objectField(document, "rootfs");
  const history: JsonValue[] = [
    ...baseHistory(base),
    ...layers.map(({ createdBy }) => ({ created, created_by: createdBy, comment: "berth" })),
    ...changeLines(change).map((line) => ({ created, created_by: line, comment: "berth", empty_layer: true })),
  ];
  return withFields(document, {
    rootfs: withFields(rootfs, {
      diff_ids: [...arrayField(rootfs, "diff_ids"), ...layers.map(({ diffId }) => diffId)],
    }),
    history,
  });
}

/** A base's history; lines that it lacks are added, since others count them against the layers. */
function baseHistory(base: BaseImage | undefined): readonly JsonValue[] {
  if (!base) return [];
  const known = arrayField(base.config.document, "history");
  const lines = base.config.history.filter(({ emptyLayer }) => !emptyLayer).length;
  const missing = Math.max(0, base.config.diffIds.length - lines);
  return [...known, ...Array.from({ length: missing }, () => ({ comment: "a layer of the base without history" }))];
}

function baseAnnotations(base: Base | undefined, descriptor: Descriptor | undefined): Annotations {
  if (!base || !descriptor) return {};
  return {
    [Annotation.BaseDigest]: descriptor.digest,
    ...(base.name === undefined ? {} : { [Annotation.BaseName]: base.name }),
  };
}

function setAnnotations(change: Readonly<Record<string, string | null>> | undefined): Record<string, string> {
  const pairs = Object.entries(change ?? {}).filter((pair): pair is [string, string] => pair[1] !== null);
  return Object.fromEntries(pairs);
}

async function writeIndex(
  options: CreateImageOptions,
  writer: ImageWriter,
  images: readonly CreatedImage[],
): Promise<Descriptor> {
  const annotations = {
    ...baseAnnotations(options.base, options.base?.descriptor),
    ...setAnnotations(options.annotations?.index),
  };
  const document: JsonObject = {
    schemaVersion: 2,
    mediaType: MediaType.ImageIndex,
    manifests: toJson(images.map(({ descriptor, platform }) => ({ ...descriptor, platform }))),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  return (await writer.manifest(document, MediaType.ImageIndex, !options.tags?.length)).descriptor;
}
