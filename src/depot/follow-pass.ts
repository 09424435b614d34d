import { subjectOf } from "../names/index-json-batch.ts";
import type { Fate, IndexPass } from "../names/index-json-pass.ts";
import type { ChangedTag } from "../names/sql-follow.ts";
import { Annotation } from "../spec/annotation.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName, type LayoutEntry, layoutEntry, tagOfName } from "../spec/layout-index.ts";
import { isPlain, isSameContent, namesOf } from "../spec/layout-index-edit.ts";
import type { FallbackMoves } from "./follow-fallback.ts";
import type { Listing } from "./follow-listing.ts";

/** What changed in the catalog since index.json was written. */
export interface CatalogChanges {
  readonly tags: readonly ChangedTag[];
  readonly listings: ReadonlyMap<Digest, Listing>;
  readonly fallbacks: FallbackMoves;
}

/**
 * Brings the changes of the catalog into an index.json while its entries pass by, as an edit of the whole would
 * ({@link LayoutIndexEdit}): an entry of exactly the tag's name is replaced and its doubles go; a single full
 * reference that ends in the tag moves and keeps its spelling; everything else stays as it is.
 */
export class CatalogPass implements IndexPass {
  readonly #targets = new Map<string, Descriptor | undefined>();
  readonly #listings: ReadonlyMap<Digest, Listing>;
  /** Tags whose entry was met. */
  readonly #done = new Set<string>();
  /** Full references that end in a tag that changes: what becomes of them depends on what follows. */
  readonly #references = new Map<string, LayoutEntry[]>();
  /** Manifests whose own entry was met. */
  readonly #listed = new Set<Digest>();

  constructor({ tags, listings, fallbacks }: CatalogChanges) {
    this.#listings = listings;
    for (const [tag, target] of fallbacks) this.#targets.set(tag, target ?? undefined);
    for (const { name, target } of tags) this.#targets.set(name, target);
  }

  fate(entry: LayoutEntry): Fate {
    const name = entryName(entry);
    const tag = name === undefined ? undefined : tagOfName(name);
    if (tag !== undefined) return this.#targets.has(tag) ? this.#named(entry, tag, name === tag) : "keep";
    const listing = this.#listings.get(entry.descriptor.digest);
    if (listing === undefined) return "keep";
    if (listing.kind === "none") return "drop";
    return name === undefined ? this.#unnamed(entry, listing) : "keep";
  }

  *added(): Generator<LayoutEntry, void, undefined> {
    for (const [tag, references] of this.#references) yield* this.#resolve(tag, references);
    for (const [tag, target] of this.#targets) {
      if (target && !this.#done.has(tag)) yield layoutEntry(bareDescriptor(target), { [Annotation.RefName]: tag });
    }
    for (const [digest, listing] of this.#listings) {
      if ("entry" in listing && !this.#listed.has(digest)) yield listing.entry;
    }
  }

  #named(entry: LayoutEntry, tag: string, isExact: boolean): Fate {
    const target = this.#targets.get(tag);
    if (target === undefined) return "drop";
    if (!isExact) {
      const found = this.#references.get(tag);
      if (found) found.push(entry);
      else this.#references.set(tag, [entry]);
      return "drop";
    }
    if (this.#done.has(tag)) return "drop";
    this.#done.add(tag);
    return isSameContent(entry.descriptor, target) ? "keep" : moved(entry, target);
  }

  *#resolve(tag: string, references: readonly LayoutEntry[]): Generator<LayoutEntry, void, undefined> {
    const target = this.#targets.get(tag);
    const [last] = references.slice(-1);
    if (target === undefined || last === undefined) return;
    if (this.#done.has(tag)) return yield* references;
    const isThere = isSameContent(last.descriptor, target);
    if (isThere || references.length === 1) this.#done.add(tag);
    if (isThere || references.length > 1) yield* references;
    else yield moved(last, target);
  }

  #unnamed(entry: LayoutEntry, listing: Exclude<Listing, { kind: "none" }>): Fate {
    const { digest } = entry.descriptor;
    switch (listing.kind) {
      case "named":
        return isPlain(entry) ? "drop" : "keep";
      case "plain":
        this.#listed.add(digest);
        return "keep";
      case "referrer": {
        if (JSON.stringify(entry.json) === JSON.stringify(listing.entry.json)) {
          this.#listed.add(digest);
          return "keep";
        }
        return isPlain(entry) || subjectOf(entry) === listing.subject ? "drop" : "keep";
      }
    }
  }
}

/** An entry at another manifest, under the name it had. */
function moved(entry: LayoutEntry, target: Descriptor): LayoutEntry {
  return layoutEntry(bareDescriptor(target), namesOf(entry));
}
