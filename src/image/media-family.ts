import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Compression } from "../tar/compress.ts";
import type { DraftStep } from "./draft.ts";
import { withFields } from "./json-edit.ts";

/** Whose media types an image uses. */
export type MediaFamily = "oci" | "docker";

const FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/** The types that mean the same in both families (image-spec media-types.md, "Compatibility Matrix"). */
const PAIRS: readonly (readonly [oci: string, docker: string])[] = [
  [MediaType.ImageManifest, MediaType.DockerManifest],
  [MediaType.ImageIndex, MediaType.DockerManifestList],
  [MediaType.ImageConfig, MediaType.DockerConfig],
  [MediaType.Layer, MediaType.DockerLayer],
  [MediaType.LayerGzip, MediaType.DockerLayerGzip],
  [FOREIGN, MediaType.DockerForeignLayer],
];
const TO_OCI: ReadonlyMap<string, string> = new Map(PAIRS.map(([oci, docker]) => [docker, oci]));
const TO_DOCKER: ReadonlyMap<string, string> = new Map(PAIRS);

/** The same type in a family; a type that has no counterpart stays. */
export function typeIn(family: MediaFamily, mediaType: string): string {
  return (family === "oci" ? TO_OCI : TO_DOCKER).get(mediaType) ?? mediaType;
}

/** The family of a manifest or index. */
export function familyOf(document: JsonObject): MediaFamily {
  const { mediaType } = document;
  return typeof mediaType === "string" && mediaType.startsWith("application/vnd.docker.") ? "docker" : "oci";
}

/**
 * The type of a layer with another compression.
 * @throws OciError UNSUPPORTED: Docker has no type for zstd
 */
export function layerType(mediaType: string, compression: Compression): string {
  const docker = mediaType.startsWith("application/vnd.docker.");
  if (docker && compression === "zstd") {
    throw new OciError("UNSUPPORTED", "Docker's media types know no layers in zstd", {
      hint: "Convert to OCI's media types too, with --to-oci",
    });
  }
  const plain = docker ? MediaType.DockerLayer : mediaType.replace(/\+(?:gzip|zstd)$/, "");
  if (compression === "none") return plain;
  return docker ? MediaType.DockerLayerGzip : `${plain}+${compression}`;
}

/** @throws OciError UNSUPPORTED for what Docker's schema has no place for */
export function requireConvertible(document: JsonObject, family: MediaFamily): void {
  if (family === "oci") return;
  for (const field of ["subject", "artifactType"] as const) {
    if (document[field] === undefined) continue;
    throw new OciError("UNSUPPORTED", `Docker's manifests have no place for the field ${field}`, {
      hint: "Keep OCI's media types for artifacts and referrers",
    });
  }
}

/**
 * A manifest or index with the types of a family. Docker's have no annotations, so those go.
 * @throws OciError UNSUPPORTED
 */
export function convertDocument(document: JsonObject, from: string, family: MediaFamily): JsonObject {
  requireConvertible(document, family);
  const to = typeIn(family, from);
  if (to === from && document["mediaType"] === to) return document;
  return withFields(document, { mediaType: to, ...(family === "docker" ? { annotations: undefined } : {}) });
}

/** Gives the configuration and the layers of an image the types of a family. */
export function convertTypes(family: MediaFamily): DraftStep {
  return (draft) => {
    const layers = draft.layers.map((layer) => {
      const mediaType = typeIn(family, layer.descriptor.mediaType);
      if (family === "docker" && !mediaType.startsWith("application/vnd.docker.")) {
        throw new OciError("UNSUPPORTED", `Docker's media types have no counterpart of ${mediaType}`, {
          digest: layer.descriptor.digest,
          hint: "Layers in zstd become gzip with --layer-compress gzip",
        });
      }
      if (mediaType === layer.descriptor.mediaType) return layer;
      return {
        ...layer,
        descriptor: { ...layer.descriptor, mediaType },
        document: withFields(layer.document, { mediaType }),
      };
    });
    const from = draft.document["mediaType"];
    const document = convertDocument(draft.document, typeof from === "string" ? from : MediaType.ImageManifest, family);
    return { ...draft, document, configType: typeIn(family, draft.configType), layers };
  };
}

/** Layers that are only listed become layers that are kept: the addresses of their content elsewhere go. */
export const withoutUrls: DraftStep = (draft) => ({
  ...draft,
  layers: draft.layers.map((layer) => {
    const { urls, ...rest } = layer.descriptor;
    const mediaType = keptType(layer.descriptor.mediaType);
    if (urls === undefined && mediaType === layer.descriptor.mediaType) return layer;
    return {
      ...layer,
      descriptor: { ...rest, mediaType },
      document: withFields(layer.document, { mediaType, urls: undefined }),
    };
  }),
});

function keptType(mediaType: string): string {
  if (mediaType === MediaType.DockerForeignLayer) return MediaType.DockerLayerGzip;
  return mediaType.replace(
    "application/vnd.oci.image.layer.nondistributable.v1.",
    "application/vnd.oci.image.layer.v1.",
  );
}
