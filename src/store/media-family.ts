import { OciError } from "../error/oci-error.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Compression } from "../tar/compress.ts";

/** Whose media types an image uses. */
export type MediaFamily = "oci" | "docker";

const FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/** Written by some builders; no Docker of any version reads it. */
const DOCKER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/** The types that mean the same in both families (image-spec media-types.md, "Compatibility Matrix"). */
const PAIRS: readonly (readonly [oci: string, docker: string])[] = [
  [MediaType.ImageManifest, MediaType.DockerManifest],
  [MediaType.ImageIndex, MediaType.DockerManifestList],
  [MediaType.ImageConfig, MediaType.DockerConfig],
  [MediaType.Layer, MediaType.DockerLayer],
  [MediaType.LayerGzip, MediaType.DockerLayerGzip],
  [FOREIGN, MediaType.DockerForeignLayer],
];
const TO_OCI: ReadonlyMap<string, string> = new Map([
  ...PAIRS.map(([oci, docker]) => [docker, oci] as const),
  [DOCKER_ZSTD, MediaType.LayerZstd],
]);
const TO_DOCKER: ReadonlyMap<string, string> = new Map(PAIRS);
const LAYERS: ReadonlySet<string> = new Set([
  MediaType.Layer,
  MediaType.LayerGzip,
  MediaType.LayerZstd,
  MediaType.DockerLayer,
  MediaType.DockerLayerGzip,
  DOCKER_ZSTD,
]);

/** The same type in a family; a type that has no counterpart stays. */
export function typeIn(family: MediaFamily, mediaType: string): string {
  return (family === "oci" ? TO_OCI : TO_DOCKER).get(mediaType) ?? mediaType;
}

/** The family of a manifest, an index or a layer. */
export function familyOf(mediaType: string): MediaFamily {
  return mediaType.startsWith("application/vnd.docker.") ? "docker" : "oci";
}

/** How something is compressed, by the ending of its media type; layers of other families and no compression are the same here. */
export function compressionOf(mediaType: string): Compression {
  if (/[+.]gzip$/.test(mediaType)) return "gzip";
  return /[+.]zstd$/.test(mediaType) ? "zstd" : "none";
}

/** How a layer of an image is compressed, by its media type; undefined for what is no layer tar of either family. */
export function layerCompression(mediaType: string): Compression | undefined {
  return LAYERS.has(mediaType) ? compressionOf(mediaType) : undefined;
}

/** @throws OciError UNSUPPORTED: Docker has no type for zstd */
export function requireDockerCompression(compression: Compression): void {
  if (compression !== "zstd") return;
  throw new OciError("UNSUPPORTED", "Docker's media types know no layers in zstd", {
    hint: "Recompress the layers too, with copy --compress gzip or image mod --layer-compress gzip, or keep OCI's media types",
  });
}

/**
 * The type of a layer with another compression.
 * @throws OciError UNSUPPORTED: Docker has no type for zstd
 */
export function layerType(mediaType: string, compression: Compression): string {
  const docker = familyOf(mediaType) === "docker";
  if (docker) requireDockerCompression(compression);
  const plain = docker ? MediaType.DockerLayer : mediaType.replace(/\+(?:gzip|zstd)$/, "");
  if (compression === "none") return plain;
  return docker ? MediaType.DockerLayerGzip : `${plain}+${compression}`;
}
