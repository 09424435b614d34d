import { arch, platform } from "node:os";
import { collect } from "../bytes/collect.ts";
import { verifyBuffer } from "../bytes/verify.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isImageConfigType, parseImageConfig } from "../spec/image-config.ts";
import { entryName, type LayoutEntry, type LayoutIndex } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import { parseManifest } from "../spec/manifest.ts";
import { isImageManifestType, isIndexType, MediaType } from "../spec/media-type.ts";
import { localPlatform, matchesPlatform } from "../spec/platform.ts";
import { formatReference, parseReference } from "../spec/reference.ts";
import { parseDigestTag } from "../spec/referrer.ts";
import type { Blobs } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";

/** An image in the form that `docker load` takes. */
export interface DockerImage {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  /** `repository:tag`, as Docker shows them. */
  readonly names: readonly string[];
}

/** The images of a layout that Docker could load, and why it could not load the others. */
export interface DockerImages {
  readonly images: readonly DockerImage[];
  readonly refused: readonly { readonly name: string; readonly why: string }[];
  /** Entries that hang on others: Docker knows of none. */
  readonly attached: number;
}

const LAYERS: ReadonlySet<string> = new Set([
  MediaType.Layer,
  MediaType.LayerGzip,
  MediaType.LayerZstd,
  MediaType.DockerLayer,
  MediaType.DockerLayerGzip,
  "application/vnd.docker.image.rootfs.diff.tar.zstd",
]);
const MAX_DEPTH = 8;

/** A full name as Docker shows it: without what it takes for granted; undefined for a tag alone. */
export function dockerName(name: string): string | undefined {
  if (!name.includes(":")) return undefined;
  try {
    const reference = parseReference(name);
    if (reference.tag === undefined || reference.digest !== undefined) return undefined;
    return formatReference(reference).replace(/^docker\.io\/(?:library\/)?/, "");
  } catch {
    return undefined;
  }
}

/** Full names of tags that stand alone. */
export type NamesOfTags = ReadonlyMap<string, ReadonlySet<string>>;

function namesOf(entry: LayoutEntry, known: NamesOfTags | undefined): readonly string[] {
  const name = entryName(entry) ?? "";
  const full = known?.get(name) ?? [entry.descriptor.annotations?.[Annotation.ContainerdName] ?? name];
  return [...full].flatMap((each) => dockerName(each) ?? []);
}

/**
 * Finds what Docker could load among the entries of an index; of several platforms the one of this machine, else
 * the first. What has no name and is no image is no loss.
 * @throws OciError where a manifest is damaged
 */
export async function dockerImages(
  index: LayoutIndex,
  blobs: Blobs,
  options: Signal & { readonly names?: NamesOfTags } = {},
): Promise<DockerImages> {
  const found = new Map<string, DockerImage & { readonly names: string[] }>();
  const refused: { name: string; why: string }[] = [];
  let attached = 0;
  for (const entry of index.entries) {
    const name = entryName(entry);
    const listing = name === undefined ? undefined : parseDigestTag(name);
    // The list of them all, as some tools look for it, is none of its own.
    if (entry.descriptor.annotations?.[Annotation.ReferrerSubject] || listing?.suffix) {
      attached += 1;
      continue;
    }
    if (listing) continue;
    const image = await imageBelow(entry.descriptor, blobs, 0, options);
    if (typeof image === "string") {
      if (name !== undefined) refused.push({ name, why: image });
      continue;
    }
    const key = JSON.stringify([image.config.digest, image.layers.map(({ digest }) => digest)]);
    const known = found.get(key) ?? { ...image, names: [] };
    known.names.push(...namesOf(entry, options.names).filter((full) => !known.names.includes(full)));
    found.set(key, known);
  }
  return { images: [...found.values()], refused, attached };
}

/** The image that a manifest is or leads to; or why there is none. */
async function imageBelow(
  descriptor: Descriptor,
  blobs: Blobs,
  depth: number,
  options: Signal,
): Promise<Omit<DockerImage, "names"> | string> {
  const { mediaType } = descriptor;
  if (isIndexType(mediaType)) return await imageInIndex(descriptor, blobs, depth, options);
  if (!isImageManifestType(mediaType)) return `${mediaType} is not an image`;
  const manifest = parseManifest(await readBlob(descriptor, blobs, Limits.manifest, options), mediaType);
  if (manifest.form !== "image" || !isImageConfigType(manifest.config.mediaType)) {
    return "it is an artifact, not an image";
  }
  const odd = manifest.layers.find((layer) => !LAYERS.has(layer.mediaType));
  if (odd) return `Docker cannot load layers of the type ${odd.mediaType}`;
  const { diffIds } = parseImageConfig(await readBlob(manifest.config, blobs, Limits.config, options));
  if (diffIds.length !== manifest.layers.length) {
    return `it has ${manifest.layers.length} layers, but its configuration names ${diffIds.length}`;
  }
  return { config: manifest.config, layers: manifest.layers, diffIds };
}

async function imageInIndex(
  descriptor: Descriptor,
  blobs: Blobs,
  depth: number,
  options: Signal,
): Promise<Omit<DockerImage, "names"> | string> {
  if (depth >= MAX_DEPTH) return `it has more than ${MAX_DEPTH} indexes inside each other`;
  const manifest = parseManifest(await readBlob(descriptor, blobs, Limits.manifest, options), descriptor.mediaType);
  if (manifest.form !== "index") return "it is not an index";
  const wanted = localPlatform(arch(), platform());
  const own = manifest.manifests.filter((child) => child.platform && matchesPlatform(child.platform, wanted));
  let why = "it lists no image that is here";
  for (const child of [...own, ...manifest.manifests]) {
    // Attestations of BuildKit are images by their form.
    if (child.platform?.os === "unknown" || (await blobs.stat(child.digest)) === undefined) continue;
    const image = await imageBelow(child, blobs, depth + 1, options);
    if (typeof image !== "string") return image;
    why = image;
  }
  return why;
}

/** @throws OciError LIMIT_EXCEEDED, DIGEST_INVALID, SIZE_INVALID, BLOB_UNKNOWN */
export async function readBlob(
  descriptor: Descriptor,
  blobs: Blobs,
  limit: number,
  options: Signal,
): Promise<Uint8Array> {
  await using content = await blobs.open(descriptor.digest, options);
  return verifyBuffer(await collect(content.bytes(), limit, descriptor.digest), descriptor);
}
