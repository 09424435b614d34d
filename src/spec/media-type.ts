/** Media types that berth knows by name. Anything else is carried as it is. */
export const MediaType: {
  readonly ImageManifest: "application/vnd.oci.image.manifest.v1+json";
  readonly ImageIndex: "application/vnd.oci.image.index.v1+json";
  readonly ImageConfig: "application/vnd.oci.image.config.v1+json";
  readonly Layer: "application/vnd.oci.image.layer.v1.tar";
  readonly LayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip";
  readonly LayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd";
  readonly Empty: "application/vnd.oci.empty.v1+json";
  readonly DockerManifest: "application/vnd.docker.distribution.manifest.v2+json";
  readonly DockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json";
  readonly DockerConfig: "application/vnd.docker.container.image.v1+json";
  readonly DockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip";
  readonly DockerLayer: "application/vnd.docker.image.rootfs.diff.tar";
  readonly DockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  /** Of image-spec 1.1.0-rc1 and -rc2; read, never written. */
  readonly OciArtifactManifest: "application/vnd.oci.artifact.manifest.v1+json";
  /** Of the ORAS artifacts-spec; read, never written. */
  readonly OrasArtifactManifest: "application/vnd.cncf.oras.artifact.manifest.v1+json";
} = {
  ImageManifest: "application/vnd.oci.image.manifest.v1+json",
  ImageIndex: "application/vnd.oci.image.index.v1+json",
  ImageConfig: "application/vnd.oci.image.config.v1+json",
  Layer: "application/vnd.oci.image.layer.v1.tar",
  LayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  LayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  Empty: "application/vnd.oci.empty.v1+json",
  DockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  DockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  DockerConfig: "application/vnd.docker.container.image.v1+json",
  DockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  DockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  DockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  OciArtifactManifest: "application/vnd.oci.artifact.manifest.v1+json",
  OrasArtifactManifest: "application/vnd.cncf.oras.artifact.manifest.v1+json",
};

export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.ImageIndex || mediaType === MediaType.DockerManifestList;
}

export function isImageManifestType(mediaType: string): boolean {
  return mediaType === MediaType.ImageManifest || mediaType === MediaType.DockerManifest;
}

export function isArtifactManifestType(mediaType: string): boolean {
  return mediaType === MediaType.OciArtifactManifest || mediaType === MediaType.OrasArtifactManifest;
}

/** Whether berth interprets a manifest of this type; all others are opaque bytes. */
export function isKnownManifestType(mediaType: string): boolean {
  return isIndexType(mediaType) || isImageManifestType(mediaType) || isArtifactManifestType(mediaType);
}

/** Layers that the spec calls non-distributable; they are listed, and never fetched from their urls. */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith("application/vnd.oci.image.layer.nondistributable.v1.") ||
    mediaType === MediaType.DockerForeignLayer
  );
}
