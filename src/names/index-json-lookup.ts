import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { LayoutIndexView } from "../spec/layout-index-view.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Page, Tag } from "../store/names.ts";
import type { ManifestReader } from "./index-json-facts.ts";

/** sha512 digests are cut to the same length. */
const FALLBACK_TAG = /^sha(?:256|512)-[a-f0-9]{64}$/;

/** The lists of referrers that are kept as tags for other tools are no names of their own. */
export function isFallback(tag: string, descriptor: Descriptor): boolean {
  return isIndexType(descriptor.mediaType) && FALLBACK_TAG.test(tag);
}

/** What an index.json says of a digest, or else the manifest itself. */
export async function findManifest(
  view: LayoutIndexView,
  reader: ManifestReader,
  digest: Digest,
  options: Signal,
): Promise<Descriptor | undefined> {
  const entry = view.withDigest(digest).at(-1);
  if (entry) return bareDescriptor(entry.descriptor);
  const facts = await reader.facts(digest, options);
  return facts?.mediaType === undefined ? undefined : { mediaType: facts.mediaType, digest, size: facts.size };
}

/** A page of the tags of an index.json, in ASCII order. */
export function* listTags(view: LayoutIndexView, options: Page): Generator<Tag, void, undefined> {
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  for (const name of view.tags) {
    if (options.after !== undefined && name <= options.after) continue;
    const entry = view.named(name);
    if (entry === undefined || isFallback(name, entry.descriptor)) continue;
    if (left-- <= 0) return;
    yield { name, descriptor: bareDescriptor(entry.descriptor) };
  }
}
