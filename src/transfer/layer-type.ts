import { OciError } from "../error/oci-error.ts";
import { isNonDistributable, MediaType } from "../spec/media-type.ts";
import type { Compression } from "../tar/compress.ts";

/** Whose media types a manifest has. */
export type Family = "oci" | "docker";

const FOREIGN_OCI = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/** Written by some builders; no Docker of any version reads it. */
const DOCKER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd";

const LAYERS: Readonly<Record<Family, Readonly<Partial<Record<Compression, string>>>>> = {
  oci: { none: MediaType.Layer, gzip: MediaType.LayerGzip, zstd: MediaType.LayerZstd },
  docker: { none: MediaType.DockerLayer, gzip: MediaType.DockerLayerGzip },
};

/** How a layer of an image is compressed, by its media type; undefined for what is no layer tar. */
export function layerCompression(mediaType: string): Compression | undefined {
  if (mediaType === DOCKER_ZSTD) return "zstd";
  for (const family of ["oci", "docker"] as const) {
    for (const compression of ["none", "gzip", "zstd"] as const) {
      if (LAYERS[family][compression] === mediaType) return compression;
    }
  }
  return undefined;
}

/**
 * The media type of a layer tar in a family.
 * @throws OciError UNSUPPORTED for zstd in Docker's, which have no name for it
 */
export function layerType(family: Family, compression: Compression): string {
  const mediaType = LAYERS[family][compression];
  if (mediaType !== undefined) return mediaType;
  throw new OciError("UNSUPPORTED", `Docker's media types have none for a layer compressed with ${compression}`, {
    hint: "Recompress the layers: --compress gzip",
  });
}

/** The same kind of layer in a family; what is no layer tar stays as it is. */
export function layerTypeIn(family: Family, mediaType: string): string {
  if (isNonDistributable(mediaType)) {
    const gzip = mediaType === MediaType.DockerForeignLayer || mediaType === FOREIGN_OCI;
    if (!gzip) return mediaType;
    return family === "docker" ? MediaType.DockerForeignLayer : FOREIGN_OCI;
  }
  const compression = layerCompression(mediaType);
  return compression === undefined ? mediaType : layerType(family, compression);
}

/** Manifest, index and config types of a family. */
export const DOCUMENTS: Readonly<Record<Family, { manifest: string; index: string; config: string }>> = {
  oci: { manifest: MediaType.ImageManifest, index: MediaType.ImageIndex, config: MediaType.ImageConfig },
  docker: { manifest: MediaType.DockerManifest, index: MediaType.DockerManifestList, config: MediaType.DockerConfig },
};

export function familyOf(mediaType: string): Family {
  return mediaType === MediaType.DockerManifest || mediaType === MediaType.DockerManifestList ? "docker" : "oci";
}
