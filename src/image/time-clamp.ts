import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { isNonDistributable } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { clampTimes, countNewer } from "../tar/clamp-times.ts";
import { compress, type Compression } from "../tar/compress.ts";
import { decompress } from "../tar/decompress.ts";
import { Meter } from "../tar/measure.ts";
import { arrayField, objectField, withFields } from "./json-edit.ts";
import { formatTime } from "./time.ts";
import type { ImageWriter } from "./writer.ts";

function clampText(value: JsonValue | undefined, max: Date): JsonValue | undefined {
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return time > max.getTime() ? formatTime(max) : value;
}

function clampCreated(object: JsonObject, key: string, max: Date): JsonObject {
  const clamped = clampText(object[key], max);
  return clamped === object[key] ? object : withFields(object, { [key]: clamped });
}

/** Clamps the times that a configuration tells: its own and those of its history. */
export function clampConfig(document: JsonObject, max: Date): JsonObject {
  const history = arrayField(document, "history");
  const own = clampCreated(document, "created", max);
  if (history.length === 0) return own;
  const lines = history.map((line) => (isJsonObject(line) ? clampCreated(line, "created", max) : line));
  return withFields(own, { history: lines });
}

/** Clamps the created annotation of a manifest or index. */
export function clampAnnotations(document: JsonObject, max: Date): JsonObject {
  const annotations = objectField(document, "annotations");
  const clamped = clampCreated(annotations, Annotation.Created, max);
  return clamped === annotations ? document : withFields(document, { annotations: clamped });
}

/** A layer as it is after clamping. */
export interface ClampedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

function compressionOf(mediaType: string): Compression {
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  return mediaType.endsWith("+zstd") ? "zstd" : "none";
}

/** Tables of contents for lazy pulling, which describe the old bytes. */
const TOC = /^(?:containerd\.io\/snapshot\/|io\.github\.containers\.zstd-chunked\.)/;

/** What a descriptor says beside the content, without what was only true of the old content. */
export function keptFields({ urls: _urls, data: _data, annotations, ...rest }: Descriptor): Descriptor {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !TOC.test(key));
  return { ...rest, ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }) };
}

/**
 * Clamps the file times in a layer. A layer with nothing newer stays as it is, byte for
 * byte; any other is rewritten with its own kind of compression.
 * @throws OciError DIGEST_INVALID when the layer is not what the configuration's DiffID says,
 *   ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function clampLayer(
  layer: { readonly descriptor: Descriptor; readonly diffId: Digest },
  max: Date,
  route: { readonly source: Source; readonly writer: ImageWriter } & Signal,
): Promise<ClampedLayer> {
  const { descriptor, diffId } = layer;
  if (isNonDistributable(descriptor.mediaType)) return layer;
  const signal: Signal = route.signal ? { signal: route.signal } : {};
  const compression = compressionOf(descriptor.mediaType);
  const seconds = Math.floor(max.getTime() / 1000);
  const tar = (): AsyncGenerator<Uint8Array, void, undefined> =>
    decompress(route.source.fetch(descriptor, { kind: "blob", ...signal }), compression);
  const before = new Meter();
  // The digests say that nothing is missing.
  const reading = { endRequired: false, ...signal };
  const newer = await countNewer(before.measure(tar()), seconds, reading);
  if (before.result.digest !== diffId) {
    throw new OciError(
      "DIGEST_INVALID",
      `Layer ${descriptor.digest} unpacks to ${before.result.digest}, but the configuration says ${diffId}`,
      {
        digest: descriptor.digest,
        hint: "The image is damaged or was put together wrongly; fetch it again from its origin",
      },
    );
  }
  if (newer === 0) return layer;
  const after = new Meter();
  const packed = compress(after.measure(clampTimes(tar(), seconds, reading)), compression, route.signal);
  const written = await route.writer.stream(packed, descriptor.mediaType);
  return { descriptor: { ...keptFields(descriptor), ...written }, diffId: after.result.digest };
}
