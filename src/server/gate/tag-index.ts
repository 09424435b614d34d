import { bareDescriptor, type Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { digestTagSubject } from "../../spec/referrer.ts";
import type { Store } from "../../store/store.ts";

/** The names of a repository at one moment, the other way round: by what they name. */
export class TagIndex {
  readonly #tags = new Map<Digest, string[]>();
  readonly #tagged = new Map<Digest, Descriptor>();

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
}
