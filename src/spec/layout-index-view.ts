import { Annotation } from "./annotation.ts";
import type { Digest } from "./digest.ts";
import { entryName, type LayoutEntry, type LayoutIndex, tagOfName } from "./layout-index.ts";

/**
 * Look-ups in a layout's index. A name finds the entry that has exactly this name,
 * else one whose full reference ends in this tag; of several the last one counts.
 */
export class LayoutIndexView {
  readonly index: LayoutIndex;
  readonly #byName = new Map<string, LayoutEntry>();
  readonly #byTag = new Map<string, LayoutEntry>();
  readonly #byDigest = new Map<Digest, LayoutEntry[]>();
  /** Untagged entries that say whom they refer to. */
  readonly #bySubject = new Map<string, LayoutEntry[]>();
  #sortedTags: readonly string[] | undefined;

  constructor(index: LayoutIndex) {
    this.index = index;
    for (const entry of index.entries) {
      const { annotations, digest } = entry.descriptor;
      push(this.#byDigest, digest, entry);
      const subject = annotations?.[Annotation.ReferrerSubject];
      if (subject !== undefined) push(this.#bySubject, subject, entry);
      const full = annotations?.[Annotation.ContainerdName];
      if (full !== undefined) this.#byName.set(full, entry);
      const name = entryName(entry);
      if (name === undefined) continue;
      this.#byName.set(name, entry);
      const tag = tagOfName(name);
      if (tag !== undefined) this.#byTag.set(tag, entry);
    }
  }

  /** The entry that a tag or a full reference names. */
  named(name: string): LayoutEntry | undefined {
    return this.#byName.get(name) ?? this.#byTag.get(name);
  }

  /** The entries of a digest, named or not. */
  withDigest(digest: Digest): readonly LayoutEntry[] {
    return this.#byDigest.get(digest) ?? [];
  }

  /** The entries that say that they refer to a digest. */
  withSubject(subject: Digest): readonly LayoutEntry[] {
    return this.#bySubject.get(subject) ?? [];
  }

  /** All tags, in ASCII order. */
  get tags(): readonly string[] {
    this.#sortedTags ??= [...this.#byTag.keys()].toSorted(compareAscii);
    return this.#sortedTags;
  }
}

function push<K>(map: Map<K, LayoutEntry[]>, key: K, entry: LayoutEntry): void {
  const list = map.get(key);
  if (list) list.push(entry);
  else map.set(key, [entry]);
}

/** Code unit order, which is ASCII order for tags and digests. */
export function compareAscii(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
