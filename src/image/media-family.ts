import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import { familyOf, type MediaFamily, typeIn } from "../store/media-family.ts";
import type { DraftStep } from "./draft.ts";
import { withFields } from "../spec/json-edit.ts";

/** The family of a manifest or index; one that does not say its type is OCI's. */
export function documentFamily({ mediaType }: JsonObject): MediaFamily {
  return typeof mediaType === "string" ? familyOf(mediaType) : "oci";
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
