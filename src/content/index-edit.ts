import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm, type Digest } from "../spec/digest.ts";
import { encodeJson, isJsonObject, type JsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { prepareManifest, type PreparedManifest } from "./write-manifest.ts";

export interface CreateIndexOptions {
  /** Docker's manifest list, or OCI's index, which is the default. */
  readonly mediaType?: typeof MediaType.ImageIndex | typeof MediaType.DockerManifestList;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/**
 * Writes an index (image-spec image-index.md) of entries; equal digests stand in it once. The entries of Docker's list
 * are type, size, digest and platform alone, without attestations; the manifests that they name stay as they are.
 * @throws OciError UNSUPPORTED for what Docker's list has no place for
 */
export function createIndex(entries: readonly Descriptor[], options: CreateIndexOptions = {}): PreparedManifest {
  const { artifactType, subject, annotations = {}, mediaType = MediaType.ImageIndex } = options;
  const isDocker = mediaType === MediaType.DockerManifestList;
  const distinct = [...new Map(entries.map((entry) => [entry.digest, entry])).values()];
  const manifests = isDocker ? dockerEntries(distinct) : distinct;
  const document = {
    schemaVersion: 2,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    manifests,
    ...(subject === undefined ? {} : { subject: bare(subject) }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  if (isDocker) refuseFields(document);
  return prepareManifest(encodeJson(document), mediaType);
}

function refuseFields(document: object): void {
  for (const field of ["artifactType", "subject", "annotations"]) {
    if (!Object.hasOwn(document, field)) continue;
    throw new OciError("UNSUPPORTED", `Docker's manifest lists have no place for the field ${field}`, {
      hint: "Keep the media type of OCI's index",
    });
  }
}

/**
 * Entries as Docker's lists have them. Attestations go: without annotations nobody could tell what they are.
 * @throws OciError UNSUPPORTED for an entry without a platform: Docker's list demands one, and would never choose it
 */
function dockerEntries(entries: readonly Descriptor[]): readonly Descriptor[] {
  const images = entries.filter(({ annotations }) => annotations?.[Annotation.DockerReferenceType] === undefined);
  return images.map(({ mediaType, digest, size, platform }) => {
    if (platform) return { mediaType, digest, size, platform };
    throw new OciError("UNSUPPORTED", `${digest} has no platform, which every entry of Docker's manifest list has`, {
      digest,
      hint: "Say one with --desc-platform, or keep the media type of OCI's index",
    });
  });
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** One entry of an index, as it is read and as it stands there. */
export interface IndexEntry {
  readonly descriptor: Descriptor;
  readonly raw: JsonValue | Descriptor;
}

/** An index that is going to be changed: everything that is not, stays as it was. */
export interface EditableIndex {
  readonly descriptor: Descriptor;
  readonly document: JsonObject;
  readonly entries: readonly IndexEntry[];
}

/** @throws OciError UNSUPPORTED where it is no index, MANIFEST_INVALID */
export async function readIndex(
  source: Pick<Source, "fetch">,
  descriptor: Descriptor,
  options: Signal = {},
): Promise<EditableIndex> {
  const bytes = await collect(source.fetch(descriptor, options), Limits.manifest, `manifest ${descriptor.digest}`);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const document = manifest.form === "index" ? parseJson(bytes, "index") : undefined;
  if (manifest.form !== "index" || !isJsonObject(document)) {
    throw new OciError("UNSUPPORTED", `Expected an index, ${descriptor.digest} is ${descriptor.mediaType}`, {
      digest: descriptor.digest,
      hint: "Make an index of images with berth index create",
    });
  }
  const raw = document["manifests"] as readonly JsonValue[];
  const entries = manifest.manifests.map((each, at) => ({ descriptor: each, raw: raw[at] ?? null }));
  return { descriptor, document, entries };
}

function rewrite(index: EditableIndex, entries: readonly IndexEntry[]): PreparedManifest {
  const { descriptor, document } = index;
  const algorithm = computableAlgorithm(descriptor.digest);
  const manifests = entries.map(({ raw }) => raw);
  return prepareManifest(encodeJson({ ...document, manifests }), descriptor.mediaType, algorithm);
}

export interface AddOptions {
  /** Entries for the same platform make place. False by default. */
  readonly replace?: boolean;
}

/**
 * Adds entries at the end; one of the same digest takes the place of the old one.
 * @throws OciError CONFLICT where another entry is for the same platform: the second would never be chosen;
 *   UNSUPPORTED for one without a platform in Docker's list
 */
export function addEntries(
  index: EditableIndex,
  added: readonly Descriptor[],
  options: AddOptions = {},
): PreparedManifest {
  const entries = [...index.entries];
  const isDocker = index.descriptor.mediaType === MediaType.DockerManifestList;
  for (const descriptor of isDocker ? dockerEntries(added) : added) {
    const same = entries.findIndex((entry) => entry.descriptor.digest === descriptor.digest);
    const at = same === -1 ? samePlatform(entries, descriptor) : same;
    const there = entries[at]?.descriptor;
    if (same === -1 && there?.platform && !options.replace) {
      throw new OciError("CONFLICT", `${there.digest} is for ${formatPlatform(there.platform)} already`, {
        digest: descriptor.digest,
        hint: "Put the new one in its place with --replace",
      });
    }
    entries.splice(there ? at : entries.length, there ? 1 : 0, { descriptor, raw: descriptor });
  }
  return rewrite(index, entries);
}

function samePlatform(entries: readonly IndexEntry[], { platform, annotations }: Descriptor): number {
  if (!platform || platform.os === "unknown" || annotations?.[Annotation.DockerReferenceDigest]) return -1;
  const shown = formatPlatform(platform);
  return entries.findIndex((entry) => entry.descriptor.platform && formatPlatform(entry.descriptor.platform) === shown);
}

/** Which entries go. */
export interface RemoveEntries {
  readonly digests?: readonly Digest[];
  readonly platforms?: readonly Platform[];
}

/** An index without some of its entries. */
export interface ShortenedIndex {
  readonly prepared: PreparedManifest;
  readonly removed: readonly Descriptor[];
}

/**
 * Takes entries out, and attestations with the images that they speak of. What they name stays where it is.
 * @throws OciError MANIFEST_UNKNOWN, PLATFORM_UNKNOWN where one of them matches nothing
 */
export function removeEntries(index: EditableIndex, wanted: RemoveEntries): ShortenedIndex {
  const { digests = [], platforms = [] } = wanted;
  const listed = index.entries.map(({ descriptor }) => descriptor);
  const going = new Set<string>();
  for (const digest of digests) {
    if (!listed.some((each) => each.digest === digest)) {
      throw new OciError("MANIFEST_UNKNOWN", `The index ${index.descriptor.digest} does not list ${digest}`, {
        digest,
        hint: "See what it lists with: berth index ls",
      });
    }
    going.add(digest);
  }
  for (const platform of platforms) {
    const matching = listed.filter((each) => each.platform && matchesPlatform(each.platform, platform));
    if (matching.length === 0) throw platformUnknown(index, platform);
    for (const { digest } of matching) going.add(digest);
  }
  const goes = ({ digest, annotations }: Descriptor): boolean =>
    going.has(digest) || going.has(annotations?.[Annotation.DockerReferenceDigest] ?? "");
  const kept = index.entries.filter(({ descriptor }) => !goes(descriptor));
  return { prepared: rewrite(index, kept), removed: listed.filter(goes) };
}

function platformUnknown({ descriptor, entries }: EditableIndex, wanted: Platform): OciError {
  const offered = entries.flatMap((entry) =>
    entry.descriptor.platform ? [formatPlatform(entry.descriptor.platform)] : [],
  );
  return new OciError(
    "PLATFORM_UNKNOWN",
    `${descriptor.digest} has nothing for ${formatPlatform(wanted)}; it has ${offered.join(", ") || "none"}`,
    { digest: descriptor.digest, hint: "See what it lists with: berth index ls" },
  );
}
