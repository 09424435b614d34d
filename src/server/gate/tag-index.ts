import { bareDescriptor, type Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { isIndexType } from "../../spec/media-type.ts";
import { digestTagSubject } from "../../spec/referrer.ts";
import type { Store } from "../../store/store.ts";
import type { Natures } from "./nature.ts";

/** The names of a repository at one moment, the other way round: by what they name. */
export class TagIndex {
  readonly #tags = new Map<Digest, string[]>();
  readonly #tagged = new Map<Digest, Descriptor>();
  #parents: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined;

  static async read(store: Pick<Store, "tags" | "resolve">): Promise<TagIndex> {
    const index = new TagIndex();
    for await (const { name, descriptor } of store.tags()) {
      const to = descriptor ?? (await store.resolve({ tag: name }));
      const known = index.#tags.get(to.digest);
      if (known) known.push(name);
      else index.#tags.set(to.digest, [name]);
      if (!known) index.#tagged.set(to.digest, bareDescriptor(to));
    }
    return index;
  }

  /** All that name a manifest. */
  tagsOf(digest: Digest): readonly string[] {
    return this.#tags.get(digest) ?? [];
  }

  /** What tags as `sha256-….sig` say that a manifest hangs on. */
  subjectsOf(digest: Digest): readonly Digest[] {
    return this.tagsOf(digest).flatMap((tag) => digestTagSubject(tag) ?? []);
  }

  /** What has a tag, each once. */
  tagged(): Iterable<Descriptor> {
    return this.#tagged.values();
  }

  /** The indexes that list a manifest, of those that a tag leads to and of `more`. */
  async parentsOf(
    digest: Digest,
    store: Pick<Store, "fetch">,
    natures: Natures,
    more: Iterable<Descriptor>,
  ): Promise<readonly Descriptor[]> {
    this.#parents ??= parents([...this.#tagged.values(), ...more], store, natures);
    return (await this.#parents).get(digest) ?? [];
  }

  /** An index came to be known. */
  forgetParents(): void {
    this.#parents = undefined;
  }
}

async function parents(
  roots: readonly Descriptor[],
  store: Pick<Store, "fetch">,
  natures: Natures,
): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const found = new Map<Digest, Descriptor[]>();
  const waiting = roots.filter(({ mediaType }) => isIndexType(mediaType));
  const seen = new Set(waiting.map(({ digest }) => digest));
  for (let parent = waiting.pop(); parent; parent = waiting.pop()) {
    // One that cannot be read vouches for nothing.
    const children = await natures.of(store, parent).then(
      (nature) => nature.children,
      () => [],
    );
    for (const child of children) {
      const known = found.get(child.digest);
      if (known) known.push(parent);
      else found.set(child.digest, [parent]);
      if (!isIndexType(child.mediaType) || seen.has(child.digest)) continue;
      seen.add(child.digest);
      waiting.push(bareDescriptor(child));
    }
  }
  return found;
}
