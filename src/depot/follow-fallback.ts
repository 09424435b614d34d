import { readManifest, writeManifest } from "../blobs/manifest.ts";
import type { DirectoryBlobs } from "../blobs/directory.ts";
import type { ManifestBytes } from "../names/index-json-facts.ts";
import { type FallbackEdit, FallbackIndexes } from "../names/index-json-fallback.ts";
import type { ListingChange } from "../names/sql-follow.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { MediaType } from "../spec/media-type.ts";
import { fallbackTag } from "../spec/referrer.ts";
import type { FollowedLayout } from "./follow-context.ts";

/** Where the list under a fallback tag is after an export; null: there is none any more. */
export type FallbackMoves = ReadonlyMap<string, Descriptor | null>;

/**
 * Writes the lists of referrers that change, as blobs, for tools that look for them under fallback tags. A tag of
 * such a name that somebody pushed is his own.
 */
export async function writeFallbacks(
  layout: FollowedLayout,
  changed: readonly ListingChange[],
): Promise<FallbackMoves> {
  const { names } = layout;
  const bytes = manifestBytes(layout.blobs);
  const lists = new FallbackIndexes(bytes);
  const edit = new FallbackTags();
  const whole = new Set<Digest>();
  for (const { digest, subject } of changed) {
    if (subject === undefined || whole.has(subject)) continue;
    const tag = fallbackTag(subject);
    if (!edit.knows(tag)) {
      if ((await names.tag(tag))?.digest) continue;
      const before = await names.fallback(tag);
      if (before === undefined || (await bytes.read(before)) === undefined) {
        whole.add(subject);
        for await (const row of names.referrers(subject)) lists.add(subject, row.descriptor);
        edit.begin(tag, undefined);
        continue;
      }
      edit.begin(tag, before);
    }
    const row = await names.manifest(digest);
    if (row?.subject === subject) lists.add(subject, row.descriptor);
    else lists.remove(subject, digest);
  }
  await lists.apply(edit);
  return edit.moved;
}

/** The fallback tags of a layout, being changed. */
class FallbackTags implements FallbackEdit {
  readonly moved = new Map<string, Descriptor | null>();
  readonly #before = new Map<string, Descriptor | undefined>();

  knows(tag: string): boolean {
    return this.#before.has(tag);
  }

  begin(tag: string, before: Digest | undefined): void {
    this.#before.set(tag, before && { mediaType: MediaType.ImageIndex, digest: before, size: 0 });
  }

  named(tag: string): { readonly descriptor: Descriptor } | undefined {
    const descriptor = this.#before.get(tag);
    return descriptor && { descriptor };
  }

  setTag(tag: string, target: Descriptor): void {
    this.moved.set(tag, target);
  }

  removeTag(tag: string): void {
    this.moved.set(tag, null);
  }

  has(): boolean {
    return true;
  }
}

/** Lets the names read and write manifests among the blobs. What is replaced is left to garbage collection. */
export function manifestBytes(blobs: DirectoryBlobs): ManifestBytes {
  return {
    read: (digest, options) => readManifest(blobs, digest, options),
    write: (bytes, mediaType) => writeManifest(blobs, bytes, mediaType),
    async discard() {},
  };
}
