import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName } from "../spec/layout-index.ts";
import type { LayoutIndexView } from "../spec/layout-index-view.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { ManifestReader } from "./index-json-facts.ts";
import { isFallback } from "./index-json-lookup.ts";

type Parents = ReadonlyMap<Digest, readonly Descriptor[]>;

/** What was read below each index.json, as long as that is kept. */
const known = new WeakMap<LayoutIndexView, Promise<Parents>>();

/** The indexes that list a manifest, of all that an index.json leads to. */
export async function findParents(
  view: LayoutIndexView,
  reader: ManifestReader,
  child: Digest,
  { signal }: Signal,
): Promise<readonly Descriptor[]> {
  signal?.throwIfAborted();
  let parents = known.get(view);
  if (!parents) {
    parents = readParents(view, reader);
    known.set(view, parents);
    parents.catch(() => known.delete(view));
  }
  return (await parents).get(child) ?? [];
}

async function readParents(view: LayoutIndexView, reader: ManifestReader): Promise<Parents> {
  const found = new Map<Digest, Descriptor[]>();
  const seen = new Set<Digest>();
  const waiting: Descriptor[] = [];
  const meet = (descriptor: Descriptor): void => {
    if (!isIndexType(descriptor.mediaType) || seen.has(descriptor.digest)) return;
    seen.add(descriptor.digest);
    waiting.push(bareDescriptor(descriptor));
  };
  for (const entry of view.index.entries) {
    // Lists of referrers have no children.
    if (!isFallback(entryName(entry) ?? "", entry.descriptor)) meet(entry.descriptor);
  }
  for (let parent = waiting.pop(); parent; parent = waiting.pop()) {
    // One that cannot be read lists nothing.
    const children = new Map(((await reader.facts(parent.digest))?.children ?? []).map((each) => [each.digest, each]));
    for (const child of children.values()) {
      const parents = found.get(child.digest);
      if (parents) parents.push(parent);
      else found.set(child.digest, [parent]);
      meet(child);
    }
  }
  return found;
}
