import { selectPlatform } from "../graph/select.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { ImageConfig } from "../spec/image-config.ts";
import type { ImageManifest } from "../spec/manifest.ts";
import { isIndexType, MediaType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { readConfig, readManifest } from "./read-image.ts";

/** The image that another one is built on. */
export interface Base {
  readonly source: Source;
  readonly descriptor: Descriptor;
  /** How it was named: becomes the base.name annotation. */
  readonly name?: string;
}

/** A base for one platform, read. */
export interface BaseImage {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
}

/** The platforms that a base offers; of a plain image, its own. */
export async function basePlatforms(base: Base, options: Signal): Promise<readonly Platform[]> {
  if (!isIndexType(base.descriptor.mediaType)) return [(await readBase(base, undefined, options)).config.platform];
  const { manifest } = await readManifest(base.source, base.descriptor, options);
  const children = manifest.form === "index" ? manifest.manifests : [];
  // Attestations are listed as unknown/unknown.
  return children.flatMap(({ platform }) =>
    platform && platform.os !== "unknown" && platform.os !== "" ? [platform] : [],
  );
}

/**
 * Reads the base for a platform.
 * @throws OciError PLATFORM_UNKNOWN, UNSUPPORTED when it is not an image
 */
export async function readBase(base: Base, platform: Platform | undefined, options: Signal): Promise<BaseImage> {
  const { source } = base;
  const descriptor = platform ? await selectPlatform(source, base.descriptor, platform, options) : base.descriptor;
  const { manifest } = await readManifest(source, descriptor, options);
  const config = manifest.form === "image" ? await readConfig(source, manifest, options) : undefined;
  if (manifest.form !== "image" || !config) {
    throw new OciError("UNSUPPORTED", `The base ${descriptor.digest} is not an image, but ${descriptor.mediaType}`, {
      digest: descriptor.digest,
      hint: "Take an image as the base, or leave it out to build on nothing",
    });
  }
  if (platform && !matchesPlatform(config.platform, platform)) {
    throw new OciError(
      "PLATFORM_UNKNOWN",
      `The base ${descriptor.digest} is for ${formatPlatform(config.platform)}, not for ${formatPlatform(platform)}`,
      { digest: descriptor.digest },
    );
  }
  return { descriptor, manifest, config };
}

const OCI_TYPES: Readonly<Record<string, string>> = {
  [MediaType.DockerLayer]: MediaType.Layer,
  [MediaType.DockerLayerGzip]: MediaType.LayerGzip,
  [MediaType.DockerForeignLayer]: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};

/** A base's layer under OCI's name for it: the bytes are the same, and one manifest shall not mix two families. */
export function ociLayer(layer: Descriptor): Descriptor {
  return { ...layer, mediaType: OCI_TYPES[layer.mediaType] ?? layer.mediaType };
}
