import { bareDescriptor, type Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { isIndexType } from "../../spec/media-type.ts";
import { Limits } from "../../spec/limits.ts";
import type { Store } from "../../store/store.ts";
import type { Natures } from "./nature.ts";

/**
 * The indexes that list a manifest: those that the repository knows of, and those that were pushed or pulled since the
 * start, of which a layout may know nothing any more.
 */
export class KnownParents {
  readonly #natures: Natures;
  /** From the least to the most recently met. */
  readonly #met = new Map<Digest, Descriptor>();
  #below: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined;

  constructor(natures: Natures) {
    this.#natures = natures;
  }

  learn(descriptor: Descriptor): void {
    if (!isIndexType(descriptor.mediaType) || this.#met.has(descriptor.digest)) return;
    this.#met.set(descriptor.digest, bareDescriptor(descriptor));
    const [oldest] = this.#met.keys();
    if (this.#met.size > Limits.gateVerdicts && oldest !== undefined) this.#met.delete(oldest);
    this.#below = undefined;
  }

  /** Each once. They are asked for one by one, since most often the first one decides. */
  async *of(store: Store, child: Digest): AsyncGenerator<Descriptor, void, undefined> {
    const seen = new Set<Digest>();
    for await (const parent of store.parents?.(child) ?? []) {
      seen.add(parent.digest);
      yield parent;
    }
    this.#below ??= this.#readMet(store);
    for (const parent of (await this.#below).get(child) ?? []) if (!seen.has(parent.digest)) yield parent;
  }

  async #readMet(store: Pick<Store, "fetch">): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
    const below = new Map<Digest, Descriptor[]>();
    for (const parent of this.#met.values()) {
      try {
        const { children } = await this.#natures.of(store, parent);
        for (const digest of new Set(children.map((child) => child.digest))) {
          const known = below.get(digest);
          if (known) known.push(parent);
          else below.set(digest, [parent]);
        }
      } catch {
        // It is met again when somebody asks for it.
        this.#met.delete(parent.digest);
      }
    }
    return below;
  }
}
