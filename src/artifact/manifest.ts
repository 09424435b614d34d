import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import { type Annotations, bareDescriptor, type Descriptor, isMediaType } from "../spec/descriptor.ts";
import { emptyBytes, emptyDescriptor } from "../spec/empty.ts";
import { encodeJson } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import { formatTime } from "../spec/time.ts";

/** The artifact type of a push that names none, as other tools write it. */
export const UNKNOWN_ARTIFACT = "application/vnd.unknown.artifact.v1";

/** The empty descriptor with its content inline, so that nobody has to fetch two bytes. */
const inlineEmpty: Descriptor = { ...emptyDescriptor, data: Buffer.from(emptyBytes).toString("base64") };

export interface ManifestParts {
  readonly artifactType?: string;
  /** The empty descriptor when absent. */
  readonly config?: Descriptor;
  /** Of the config's descriptor. */
  readonly configAnnotations?: Annotations;
  /** One empty layer when there are none. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations: Annotations;
}

function checkType(name: string, mediaType: string): void {
  if (isMediaType(mediaType)) return;
  throw new OciError("USAGE", `Invalid ${name} ${JSON.stringify(mediaType)}: expected type/subtype`);
}

/**
 * Writes the manifest of an artifact (image-spec manifest.md, "Guidelines for
 * Artifact Usage"): without files one empty layer, without a config of its own
 * the empty config and therefore an artifact type.
 * @throws OciError USAGE when a type is no media type
 */
export function encodeArtifactManifest(parts: ManifestParts): Uint8Array {
  const { config, layers, subject, annotations } = parts;
  const needsType = config === undefined || config.mediaType === MediaType.Empty;
  const artifactType = parts.artifactType ?? (needsType ? UNKNOWN_ARTIFACT : undefined);
  if (artifactType !== undefined) checkType("artifact type", artifactType);
  if (config !== undefined) checkType("config type", config.mediaType);
  for (const layer of layers) checkType("media type", layer.mediaType);
  const { configAnnotations = {} } = parts;
  return encodeJson({
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    ...(artifactType === undefined ? {} : { artifactType }),
    config: {
      ...(config ?? inlineEmpty),
      ...(Object.keys(configAnnotations).length === 0 ? {} : { annotations: configAnnotations }),
    },
    layers: layers.length === 0 ? [inlineEmpty] : layers,
    ...(subject === undefined ? {} : { subject: bareDescriptor(subject) }),
    annotations,
  });
}

/** RFC 3339, section 5.6: what the created annotation has to be (image-spec annotations.md). */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/**
 * The annotations of a manifest with the time it was created, to the second:
 * as given among the annotations, else `createdAt`.
 * @throws OciError USAGE when a created annotation is not a time
 */
export function withCreated(annotations: Annotations, createdAt: Date): Annotations {
  const given = annotations[Annotation.Created];
  if (given === undefined) {
    return { [Annotation.Created]: formatTime(createdAt), ...annotations };
  }
  if (DATE_TIME.test(given) && !Number.isNaN(Date.parse(given))) return annotations;
  throw new OciError(
    "USAGE",
    `Invalid annotation ${Annotation.Created}: expected an RFC 3339 time, got ${JSON.stringify(given)}`,
    {
      hint: "For example: 2026-01-31T12:00:00Z",
    },
  );
}
