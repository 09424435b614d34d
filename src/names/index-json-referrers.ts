import { isOciError, OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName, type LayoutEntry } from "../spec/layout-index.ts";
import { compareAscii, type LayoutIndexView } from "../spec/layout-index-view.ts";
import { Limits } from "../spec/limits.ts";
import { parseManifest } from "../spec/manifest.ts";
import { isIndexType, isKnownManifestType } from "../spec/media-type.ts";
import { fallbackTag, parseDigestTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer, ReferrersOptions } from "../store/names.ts";
import type { ManifestReader } from "./index-json-facts.ts";

/** Manifests read at the same time. */
const READERS = 8;

/** What cosign's own layouts write on their entries. */
const COSIGN_KIND = "kind";
const COSIGN_SUBJECTS: ReadonlySet<string> = new Set([
  "dev.cosignproject.cosign/image",
  "dev.cosignproject.cosign/imageIndex",
]);
const COSIGN_SUFFIXES: Readonly<Record<string, string>> = {
  "dev.cosignproject.cosign/sigs": ".sig",
  "dev.cosignproject.cosign/atts": ".att",
  "dev.cosignproject.cosign/sboms": ".sbom",
};

/**
 * Finds everything that hangs on a manifest, however it was written down: entries
 * that say so, manifests that say so, the fallback index, digest tags, cosign's entries.
 */
export async function* findReferrers(
  view: LayoutIndexView,
  reader: ManifestReader,
  subject: Digest,
  options: ReferrersOptions,
): AsyncGenerator<Referrer, void, undefined> {
  const { artifactType, after, limit = Number.POSITIVE_INFINITY } = options;
  const found = new Map<Digest, Referrer>();
  for (const referrer of await fromEntries(view, reader, subject, options)) add(found, referrer);
  for (const referrer of await fromFallback(view, reader, subject, options)) add(found, referrer);
  let left = limit;
  for (const digest of [...found.keys()].toSorted(compareAscii)) {
    const referrer = found.get(digest);
    if (!referrer || (after !== undefined && digest <= after)) continue;
    if (artifactType !== undefined && referrer.descriptor.artifactType !== artifactType) continue;
    if (left-- <= 0) return;
    yield referrer;
  }
  if (artifactType !== undefined) return;
  for (const referrer of [...fromDigestTags(view, subject), ...fromCosign(view, subject)]) {
    if (left-- <= 0) return;
    yield referrer;
  }
}

function add(found: Map<Digest, Referrer>, referrer: Referrer): void {
  if (found.has(referrer.descriptor.digest)) return;
  if (found.size >= Limits.referrers) {
    throw new OciError("LIMIT_EXCEEDED", `There are more than ${Limits.referrers} referrers of one subject`);
  }
  found.set(referrer.descriptor.digest, referrer);
}

async function fromEntries(
  view: LayoutIndexView,
  reader: ManifestReader,
  subject: Digest,
  options: Signal,
): Promise<readonly Referrer[]> {
  const candidates = new Map<Digest, LayoutEntry>();
  for (const entry of view.withSubject(subject)) candidates.set(entry.descriptor.digest, entry);
  for (const entry of view.index.entries) {
    const { annotations, digest, mediaType } = entry.descriptor;
    // An entry that names another subject need not be read.
    const elsewhere = annotations?.[Annotation.ReferrerSubject] ?? subject;
    if (elsewhere === subject && isKnownManifestType(mediaType) && !candidates.has(digest)) {
      candidates.set(digest, entry);
    }
  }
  const found: Referrer[] = [];
  const queue = candidates.values();
  const work = async (): Promise<void> => {
    for (const entry of queue) {
      const descriptor = await asReferrer(entry.descriptor, reader, subject, options, subjectIn(entry) === subject);
      if (descriptor) found.push({ descriptor, via: "index-entry" });
    }
  };
  await Promise.all(Array.from({ length: READERS }, work));
  return found;
}

function subjectIn(entry: LayoutEntry): string | undefined {
  return entry.descriptor.annotations?.[Annotation.ReferrerSubject];
}

/**
 * The descriptor of a referrer by its manifest's own words. Where it cannot be read,
 * the listing's word is taken if it claims the subject.
 */
async function asReferrer(
  entry: Descriptor,
  reader: ManifestReader,
  subject: Digest,
  options: Signal,
  claimed: boolean,
): Promise<Descriptor | undefined> {
  const facts = await reader.facts(entry.digest, options);
  if (facts?.listed) return facts.subject === subject ? { ...facts.listed, mediaType: entry.mediaType } : undefined;
  return claimed ? withoutMarks(entry) : undefined;
}

/** A listing's descriptor without what only makes sense in index.json. */
export function withoutMarks(entry: Descriptor): Descriptor {
  const marks: ReadonlySet<string> = new Set([
    Annotation.ReferrerSubject,
    Annotation.RefName,
    Annotation.ContainerdName,
  ]);
  const annotations = Object.entries(entry.annotations ?? {}).filter(([key]) => !marks.has(key));
  return {
    ...bareDescriptor(entry),
    ...(entry.artifactType === undefined ? {} : { artifactType: entry.artifactType }),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
  };
}

async function fromFallback(
  view: LayoutIndexView,
  reader: ManifestReader,
  subject: Digest,
  options: Signal,
): Promise<readonly Referrer[]> {
  const listing = view.named(fallbackTag(subject))?.descriptor;
  if (listing === undefined || !isIndexType(listing.mediaType)) return [];
  const bytes = await reader.bytes.read(listing.digest, options);
  const found: Referrer[] = [];
  for (const item of bytes ? listedIn(bytes, listing.mediaType) : []) {
    const descriptor = await asReferrer(item, reader, subject, options, true);
    if (descriptor) found.push({ descriptor, via: "fallback-tag" });
  }
  return found;
}

/** What an index lists; nothing when it is none, as the specification has it. */
function listedIn(bytes: Uint8Array, mediaType: string): readonly Descriptor[] {
  try {
    const index = parseManifest(bytes, mediaType);
    return index.form === "index" ? index.manifests : [];
  } catch (error) {
    if (isOciError(error)) return [];
    throw error;
  }
}

function* fromDigestTags(view: LayoutIndexView, subject: Digest): Generator<Referrer, void, undefined> {
  const prefix = fallbackTag(subject);
  for (const tag of tagsFrom(view.tags, `${prefix}.`)) {
    const parsed = parseDigestTag(tag);
    if (parsed?.prefix !== prefix) return;
    const entry = view.named(tag);
    if (entry) yield { descriptor: bareDescriptor(entry.descriptor), via: "digest-tag", tag };
  }
}

/** The rest of a sorted list from a text on. */
function* tagsFrom(sorted: readonly string[], start: string): Generator<string, void, undefined> {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? "") < start) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < sorted.length; at += 1) yield sorted[at] ?? "";
}

/** A layout that cosign saved holds one image; what lies beside it is told apart by a `kind`. */
function* fromCosign(view: LayoutIndexView, subject: Digest): Generator<Referrer, void, undefined> {
  const isSubject = ({ descriptor }: LayoutEntry): boolean =>
    descriptor.digest === subject && COSIGN_SUBJECTS.has(descriptor.annotations?.[COSIGN_KIND] ?? "");
  if (!view.withDigest(subject).some(isSubject)) return;
  for (const entry of view.index.entries) {
    const suffix = COSIGN_SUFFIXES[entry.descriptor.annotations?.[COSIGN_KIND] ?? ""];
    if (suffix === undefined || entryName(entry) !== undefined) continue;
    yield { descriptor: bareDescriptor(entry.descriptor), via: "digest-tag", tag: `${fallbackTag(subject)}${suffix}` };
  }
}
