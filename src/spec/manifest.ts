import { OciError } from "../error/oci-error.ts";
import { type Annotations, type Descriptor, isMediaType, parseAnnotations, parseDescriptor } from "./descriptor.ts";
import { isJsonObject, type JsonObject, parseJson, shownJson } from "./json.ts";
import { isArtifactManifestType, isImageManifestType, isIndexType, MediaType } from "./media-type.ts";

/** image-spec manifest.md; also Docker's schema 2. */
export interface ImageManifest {
  readonly form: "image";
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** image-spec image-index.md; also Docker's manifest list. */
export interface ImageIndex {
  readonly form: "index";
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** The two dead artifact manifests (image-spec 1.1.0-rc2, ORAS artifacts-spec): readable, never written. */
export interface ArtifactManifest {
  readonly form: "artifact";
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly blobs: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** A manifest of a type that berth does not interpret: its bytes are all there is. */
export interface OpaqueManifest {
  readonly form: "opaque";
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

export type Manifest = ImageManifest | ImageIndex | ArtifactManifest | OpaqueManifest;

function invalid(problem: string): OciError {
  return new OciError("MANIFEST_INVALID", `Invalid manifest: ${problem}`);
}

function descriptors(object: JsonObject, key: string): Descriptor[] {
  const value = object[key];
  if (!Array.isArray(value)) throw invalid(`${key} must be an array`);
  return value.map((item, index) => parseDescriptor(item, `${key}[${index}]`));
}

/** Fields that every form may carry. */
function common(object: JsonObject): {
  artifactType?: string;
  subject?: Descriptor;
  annotations?: Annotations;
} {
  const artifactType = object["artifactType"];
  if (artifactType !== undefined && typeof artifactType !== "string") throw invalid("artifactType must be a string");
  const { subject, annotations } = object;
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    // `null` is what Go writes for an absent pointer or map without omitempty.
    ...(subject === undefined || subject === null ? {} : { subject: parseDescriptor(subject, "subject") }),
    ...(annotations === undefined || annotations === null
      ? {}
      : { annotations: parseAnnotations(annotations, "annotations") }),
  };
}

/**
 * Says what a JSON document is by its own words: `mediaType` first, the fields
 * it has otherwise. Undefined when it is no manifest that berth knows.
 */
export function sniffManifestType(document: unknown): string | undefined {
  if (!isJsonObject(document)) return undefined;
  const { mediaType } = document;
  if (typeof mediaType === "string") {
    return isIndexType(mediaType) || isImageManifestType(mediaType) || isArtifactManifestType(mediaType)
      ? mediaType
      : undefined;
  }
  if (document["schemaVersion"] !== 2) return undefined;
  if (Array.isArray(document["manifests"])) return MediaType.ImageIndex;
  if (isJsonObject(document["config"]) && Array.isArray(document["layers"])) return MediaType.ImageManifest;
  return undefined;
}

/**
 * Parses and checks a manifest of a known type; any other type comes back opaque and unread.
 *
 * Refuses a document that reads two ways under one digest (CVE-2021-41190): one
 * whose own mediaType differs from the given one, or with both `manifests` and `layers`.
 * @param mediaType the type it was sent with (Content-Type, or the descriptor's)
 * @throws OciError MANIFEST_INVALID, DIGEST_INVALID
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): Manifest {
  if (!isMediaType(mediaType)) throw invalid(`${JSON.stringify(mediaType.slice(0, 100))} is not a media type`);
  const known = isIndexType(mediaType) || isImageManifestType(mediaType) || isArtifactManifestType(mediaType);
  if (!known) return { form: "opaque", mediaType };
  const document = parseJson(bytes, "manifest");
  if (!isJsonObject(document)) throw invalid("expected a JSON object");
  const own = document["mediaType"];
  if (own !== undefined && own !== mediaType) {
    throw invalid(`its mediaType is ${shownJson(own)}, but it was given as ${shownJson(mediaType)}`);
  }
  if (document["manifests"] !== undefined && (document["layers"] !== undefined || document["config"] !== undefined)) {
    throw invalid("it has both manifests and layers or config, so it would read two ways");
  }
  if (isArtifactManifestType(mediaType)) {
    const blobs = document["blobs"] === undefined || document["blobs"] === null ? [] : descriptors(document, "blobs");
    return { form: "artifact", mediaType, blobs, ...common(document) };
  }
  if (document["schemaVersion"] !== 2) throw invalid("schemaVersion must be 2");
  if (isIndexType(mediaType)) {
    return { form: "index", mediaType, manifests: descriptors(document, "manifests"), ...common(document) };
  }
  return {
    form: "image",
    mediaType,
    config: parseDescriptor(document["config"], "config"),
    layers: descriptors(document, "layers"),
    ...common(document),
  };
}

/**
 * The artifact type under which a manifest is listed as a referrer: its own,
 * else its config's media type, else none (distribution-spec, "Listing Referrers").
 */
export function listedArtifactType(manifest: Manifest): string | undefined {
  if (manifest.artifactType) return manifest.artifactType;
  return manifest.form === "image" ? manifest.config.mediaType : undefined;
}
