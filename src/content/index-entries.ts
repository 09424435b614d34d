import { collect } from "../bytes/collect.ts";
import { ManifestReader } from "../graph/manifest-reader.ts";
import { choosePlatforms } from "../graph/platforms.ts";
import { imagePlatform } from "../graph/select.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import { parseManifest } from "../spec/manifest.ts";
import { isIndexType } from "../spec/media-type.ts";
import { matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";
import { copy } from "../transfer/copy.ts";

/** An image, or all images of an index, that an index shall list. */
export interface IndexSource {
  readonly source: Source;
  readonly descriptor: Descriptor;
}

export interface IndexEntryOptions extends Signal {
  /** Of sources that are indexes only these; all when empty. */
  readonly platforms?: readonly Platform[];
  /** The platform that the entries say, for what does not say it itself. */
  readonly platform?: Platform;
  /** On the entries, not on the manifests. */
  readonly annotations?: Annotations;
}

/**
 * The entries that a source comes to: an image with the platform of its configuration, an index with its own
 * entries as they stand, BuildKit's attestations with the images that they speak of.
 * @throws OciError PLATFORM_UNKNOWN, MANIFEST_UNKNOWN
 */
export async function indexEntries(
  { source, descriptor }: IndexSource,
  options: IndexEntryOptions = {},
): Promise<readonly Descriptor[]> {
  const { platforms = [], platform, annotations } = options;
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const found = isIndexType(descriptor.mediaType)
    ? await listed(source, descriptor, platforms, signal)
    : await single(source, descriptor, signal);
  const fits = found.filter(
    (entry) => isIndexType(descriptor.mediaType) || platforms.length === 0 || serves(entry, platforms),
  );
  return fits.map((entry) => ({
    ...entry,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined || Object.keys(annotations).length === 0
      ? {}
      : { annotations: { ...entry.annotations, ...annotations } }),
  }));
}

function serves({ platform }: Descriptor, platforms: readonly Platform[]): boolean {
  return platform === undefined || platforms.some((wanted) => matchesPlatform(platform, wanted));
}

async function listed(
  source: Source,
  index: Descriptor,
  platforms: readonly Platform[],
  signal: Signal,
): Promise<readonly Descriptor[]> {
  if (platforms.length > 0) {
    const { kept } = await choosePlatforms(source, index, platforms, signal);
    return kept.filter(({ mediaType }) => !isIndexType(mediaType));
  }
  const edges = await new ManifestReader(source).edges(index, signal);
  return edges.filter(({ role }) => role !== "subject").map(({ descriptor }) => descriptor);
}

async function single(source: Source, descriptor: Descriptor, signal: Signal): Promise<readonly Descriptor[]> {
  const bytes = await collect(source.fetch(descriptor, signal), Limits.manifest, `manifest ${descriptor.digest}`);
  const { artifactType } = parseManifest(bytes, descriptor.mediaType);
  const platform = await imagePlatform(source, descriptor, signal);
  const { mediaType, digest, size } = descriptor;
  return [
    {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(platform === undefined ? {} : { platform }),
    },
  ];
}

export interface BringEntriesOptions extends Signal {
  readonly target: Store;
  /** Bring what hangs on the manifests. True by default. */
  readonly referrers?: boolean;
}

/** Copies what entries name to where the index will lie; what is there already does not move. */
export async function bringEntries(
  source: Source,
  entries: readonly Descriptor[],
  options: BringEntriesOptions,
): Promise<void> {
  const { target, referrers = true } = options;
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const roots = entries.map((descriptor) => ({ descriptor, tags: [] }));
  if (roots.length > 0) await copy({ source, target, roots, referrers, ...signal });
}
