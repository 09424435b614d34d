import { Annotation } from "./annotation.ts";
import type { Annotations, Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import type { JsonObject } from "./json.ts";
import { entryName, layoutEntry, type LayoutEntry, type LayoutIndex, tagOfName } from "./layout-index.ts";

/** A layout's index being changed. Entries keep their order; those that are not touched stay as they are. */
export class LayoutIndexEdit {
  readonly #rest: JsonObject;
  /** By place in the document. */
  readonly #entries = new Map<number, LayoutEntry>();
  readonly #places = new Map<LayoutEntry, number>();
  readonly #byName = new Map<string, Set<LayoutEntry>>();
  readonly #byTag = new Map<string, Set<LayoutEntry>>();
  readonly #byDigest = new Map<Digest, Set<LayoutEntry>>();
  /** Entries without a name or a word of their own, by digest; a digest may have any number of names. */
  readonly #plain = new Map<string, Set<LayoutEntry>>();
  #next = 0;
  #changes = 0;

  constructor(index: LayoutIndex) {
    this.#rest = index.rest;
    for (const entry of index.entries) this.add(entry);
    this.#changes = 0;
  }

  /** Whether anything was added or removed. */
  get changed(): boolean {
    return this.#changes > 0;
  }

  /** The index as it stands now. */
  result(): LayoutIndex {
    const placed = [...this.#entries].toSorted(([left], [right]) => left - right);
    return { entries: placed.map(([, entry]) => entry), rest: this.#rest };
  }

  has(digest: Digest): boolean {
    return this.#byDigest.has(digest);
  }

  withDigest(digest: Digest): readonly LayoutEntry[] {
    return [...(this.#byDigest.get(digest) ?? [])];
  }

  /** The entry that a tag finds, as in a view. */
  named(tag: string): LayoutEntry | undefined {
    return last(this.#byName.get(tag)) ?? last(this.#byTag.get(tag));
  }

  /**
   * Points a tag at a manifest and returns the entry that had it. An entry of
   * exactly this name is replaced, its doubles go; a single full reference that ends
   * in this tag is moved and keeps its spelling. Plain entries of the digest without
   * a name are not needed any more.
   */
  setTag(tag: string, target: Descriptor): LayoutEntry | undefined {
    const before = this.named(tag);
    if (before && isSameContent(before.descriptor, target)) return before;
    const exact = this.#byName.get(tag);
    const references = this.#byTag.get(tag);
    const moved = exact ? last(exact) : references?.size === 1 ? last(references) : undefined;
    const annotations = moved ? namesOf(moved) : { [Annotation.RefName]: tag };
    for (const entry of exact ?? []) if (entry !== moved) this.remove(entry);
    const place = moved && this.#places.get(moved);
    if (moved) this.remove(moved);
    this.add(layoutEntry(target, annotations), place);
    for (const entry of this.#plain.get(target.digest) ?? []) this.remove(entry);
    return before;
  }

  /** Takes every entry away that a tag finds, and returns the one that it found. */
  removeTag(tag: string): LayoutEntry | undefined {
    const before = this.named(tag);
    for (const entry of [...(this.#byName.get(tag) ?? []), ...(this.#byTag.get(tag) ?? [])]) this.remove(entry);
    return before;
  }

  add(entry: LayoutEntry, place: number = this.#next): void {
    this.#changes += 1;
    this.#next = Math.max(this.#next, place + 1);
    this.#entries.set(place, entry);
    this.#places.set(entry, place);
    for (const [map, key] of this.#keys(entry)) {
      const found = map.get(key);
      if (found) found.add(entry);
      else map.set(key, new Set([entry]));
    }
  }

  remove(entry: LayoutEntry): void {
    const place = this.#places.get(entry);
    if (place === undefined) return;
    this.#changes += 1;
    this.#places.delete(entry);
    this.#entries.delete(place);
    for (const [map, key] of this.#keys(entry)) {
      const found = map.get(key);
      found?.delete(entry);
      if (found?.size === 0) map.delete(key);
    }
  }

  *#keys(entry: LayoutEntry): Iterable<[Map<string, Set<LayoutEntry>>, string]> {
    yield [this.#byDigest, entry.descriptor.digest];
    if (isPlain(entry)) yield [this.#plain, entry.descriptor.digest];
    const name = entryName(entry);
    if (name === undefined) return;
    yield [this.#byName, name];
    const tag = tagOfName(name);
    if (tag !== undefined) yield [this.#byTag, tag];
  }
}

/** Whether two descriptors point at the same bytes as the same thing. */
export function isSameContent(left: Descriptor, right: Descriptor): boolean {
  return left.digest === right.digest && left.size === right.size && left.mediaType === right.mediaType;
}

/** The annotations that name an entry. */
export function namesOf(entry: LayoutEntry): Annotations {
  const all = entry.descriptor.annotations ?? {};
  const keys = [Annotation.RefName, Annotation.ContainerdName].filter((key) => all[key] !== undefined);
  return Object.fromEntries(keys.map((key) => [key, all[key] ?? ""]));
}

/** Whether an entry says no more than that the manifest is there. */
export function isPlain(entry: LayoutEntry): boolean {
  return entryName(entry) === undefined && Object.keys(entry.descriptor.annotations ?? {}).length === 0;
}

function last<T>(items: ReadonlySet<T> | undefined): T | undefined {
  return items && [...items].at(-1);
}
