import { selectPlatform } from "../graph/select.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { ImageConfig } from "../spec/image-config.ts";
import type { JsonObject } from "../spec/json.ts";
import type { ImageManifest } from "../spec/manifest.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { readConfig, readManifest } from "./read-image.ts";

/** One image, read: what commands about files and layers work on. */
export interface ChosenImage {
  readonly source: Source;
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly document: JsonObject;
  /** Absent where the manifest carries something else than an image. */
  readonly config?: ImageConfig;
}

export interface ChooseOptions extends Signal {
  /** The image of an index that was asked for. */
  readonly platform?: Platform;
  /** The one to take of several where none was asked for. */
  readonly otherwise?: Platform;
}

/** The images that an index lists: BuildKit's attestations, of platform unknown/unknown, are none. */
async function onlyChild(source: Source, root: Descriptor, options: Signal): Promise<Descriptor | undefined> {
  const { manifest } = await readManifest(source, root, options);
  if (manifest.form !== "index") return undefined;
  const images = manifest.manifests.filter(({ platform }) => platform?.os !== "unknown");
  return images.length === 1 ? images[0] : undefined;
}

async function chooseDescriptor(source: Source, root: Descriptor, options: ChooseOptions): Promise<Descriptor> {
  const { platform, otherwise, signal } = options;
  const waiting: Signal = signal ? { signal } : {};
  if (platform) return selectPlatform(source, root, platform, waiting);
  if (!isIndexType(root.mediaType)) return root;
  const only = await onlyChild(source, root, waiting);
  if (only) return chooseDescriptor(source, only, options);
  if (otherwise) return selectPlatform(source, root, otherwise, waiting);
  throw new OciError("USAGE", `${root.digest} has several images: say for which platform`, { digest: root.digest });
}

/**
 * The one image that is meant: of an index the one of the platform, the only one, or the one for
 * the platform that is taken otherwise.
 * @throws OciError PLATFORM_UNKNOWN, USAGE, UNSUPPORTED when it is no image manifest
 */
export async function chooseImage(source: Source, root: Descriptor, options: ChooseOptions): Promise<ChosenImage> {
  const descriptor = await chooseDescriptor(source, root, options);
  const waiting: Signal = options.signal ? { signal: options.signal } : {};
  const { manifest, document } = await readManifest(source, descriptor, waiting);
  if (manifest.form !== "image") {
    throw new OciError("UNSUPPORTED", `${descriptor.digest} is not an image, but ${descriptor.mediaType}`, {
      digest: descriptor.digest,
    });
  }
  const config = await readConfig(source, manifest, waiting);
  return { source, descriptor, manifest, document, ...(config ? { config } : {}) };
}
