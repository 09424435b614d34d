/** Annotation keys that berth reads or writes. */
export const Annotation: {
  readonly RefName: "org.opencontainers.image.ref.name";
  readonly Title: "org.opencontainers.image.title";
  readonly Created: "org.opencontainers.image.created";
  readonly Version: "org.opencontainers.image.version";
  readonly BaseDigest: "org.opencontainers.image.base.digest";
  readonly BaseName: "org.opencontainers.image.base.name";
  /** The proposal of image-spec#1171: on an entry of a layout's index, the digest that it refers to. */
  readonly ReferrerSubject: "org.opencontainers.image.referrer.subject";
  /** BuildKit's own full name beside ref.name. */
  readonly ContainerdName: "io.containerd.image.name";
  /** BuildKit's attestation manifests in an index: attestation-manifest, and the digest they speak of. */
  readonly DockerReferenceType: "vnd.docker.reference.type";
  readonly DockerReferenceDigest: "vnd.docker.reference.digest";
  /** ORAS: this layer is a folder that was packed; unpack it on pull. */
  readonly OrasUnpack: "io.deis.oras.content.unpack";
  /** ORAS: digest of the uncompressed tar of such a layer. */
  readonly OrasContentDigest: "io.deis.oras.content.digest";
  /** The OCI artifact manifest, dead now: when an artifact was made (RFC 3339). */
  readonly OciArtifactCreated: "org.opencontainers.artifact.created";
  /** ORAS artifacts-spec: when an artifact was made (RFC 3339). */
  readonly OrasCreated: "io.cncf.oras.artifact.created";
  /** berth: this index lists fewer platforms than the one of this digest did. */
  readonly StrippedFrom: "dev.berth.index.stripped-from";
} = {
  RefName: "org.opencontainers.image.ref.name",
  Title: "org.opencontainers.image.title",
  Created: "org.opencontainers.image.created",
  Version: "org.opencontainers.image.version",
  BaseDigest: "org.opencontainers.image.base.digest",
  BaseName: "org.opencontainers.image.base.name",
  ReferrerSubject: "org.opencontainers.image.referrer.subject",
  ContainerdName: "io.containerd.image.name",
  DockerReferenceType: "vnd.docker.reference.type",
  DockerReferenceDigest: "vnd.docker.reference.digest",
  OrasUnpack: "io.deis.oras.content.unpack",
  OrasContentDigest: "io.deis.oras.content.digest",
  OciArtifactCreated: "org.opencontainers.artifact.created",
  OrasCreated: "io.cncf.oras.artifact.created",
  StrippedFrom: "dev.berth.index.stripped-from",
};
