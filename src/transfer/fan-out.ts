import { fromBuffer } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { shortcut } from "../graph/shortcut.ts";
import { type Action, nodeKey, type NodeKey } from "../graph/step.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { ContentSource, Signal } from "../store/content.ts";
import type { KindOption, Location, Name, PushOptions, PushResult, ReferrersChange, Store } from "../store/store.ts";
import { Broadcast } from "./broadcast.ts";

/** What one of several targets took. */
export interface Share {
  readonly nodes: Record<Exclude<Action, "skip">, number>;
  /** Bytes that were sent to it. */
  pushedBytes: number;
}

interface Branch {
  readonly store: Store;
  readonly share: Share;
}

/**
 * Several stores as one target: what any of them lacks is read once and written to each that lacks it.
 * A failure of one is a failure of all. Names are written by whoever knows each one's own.
 */
export class FanOut {
  readonly #branches: readonly Branch[];
  readonly #from: Location;
  /** Who lacks what, from when it was asked until it is pushed. */
  readonly #lacking = new Map<NodeKey, readonly Branch[]>();

  constructor(stores: readonly Store[], from: Location) {
    this.#from = from;
    this.#branches = stores.map((store) => ({
      store,
      share: { nodes: { push: 0, mount: 0, link: 0 }, pushedBytes: 0 },
    }));
  }

  /** In the order of the stores. */
  shares(): readonly Share[] {
    return this.#branches.map(({ share }) => share);
  }

  store(): Store {
    const stores = this.#branches.map(({ store }) => store);
    const [first] = stores;
    if (!first) throw new OciError("INTERNAL", "Expected a target");
    const lists = stores.some((store) => store.listReferrers);
    return {
      location: { medium: "memory", id: "several targets" },
      ...(stores.every((store) => store.closure === "image") ? { closure: "image" as const } : {}),
      resolve: (name, options) => this.#resolve(name, options),
      exists: (descriptor, options) => this.#exists(descriptor, options),
      fetch: (descriptor, options) => first.fetch(descriptor, options),
      open: (descriptor, options) => first.open(descriptor, options),
      tags: (page) => first.tags(page),
      // Each is asked for its own when it is told of new ones.
      referrers: () => none(),
      push: (descriptor, source, options) => this.#push(descriptor, source, options),
      update: async (changes, options) => {
        const results = await Promise.all(stores.map((store) => store.update(changes, options)));
        return { guarded: results.every(({ guarded }) => guarded) };
      },
      ...(lists
        ? {
            listReferrers: async (changes: readonly ReferrersChange[], options?: Signal) => {
              await Promise.all(stores.map(async (store) => await store.listReferrers?.(changes, options)));
            },
          }
        : {}),
      // Whoever opened them closes them.
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  /** A name is right only where all have it so. */
  async #resolve(name: Name, options?: KindOption): Promise<Descriptor> {
    const found = await Promise.all(this.#branches.map(({ store }) => store.resolve(name, options)));
    const [first] = found;
    if (first && found.every(({ digest }) => digest === first.digest)) return first;
    throw new OciError("MANIFEST_UNKNOWN", "The targets do not agree on it");
  }

  async #exists(descriptor: Descriptor, options?: KindOption): Promise<boolean> {
    const there = await Promise.all(this.#branches.map(({ store }) => store.exists(descriptor, options)));
    const lacking = this.#branches.filter((_branch, at) => there[at] === false);
    if (lacking.length === 0) return true;
    this.#lacking.set(nodeKey(options?.kind ?? "manifest", descriptor.digest), lacking);
    return false;
  }

  async #push(descriptor: Descriptor, source: ContentSource, options: PushOptions): Promise<PushResult> {
    const key = nodeKey(options.kind, descriptor.digest);
    const lacking = this.#lacking.get(key) ?? this.#branches;
    this.#lacking.delete(key);
    const results =
      options.kind === "manifest"
        ? await this.#pushManifest(descriptor, source, options, lacking)
        : await this.#pushBlob(descriptor, source, options, lacking);
    // Who had it already may not list it yet.
    const handled = lacking.length === this.#branches.length && results.every((result) => result.subjectHandled);
    return { existed: results.every((result) => result.existed), subjectHandled: handled };
  }

  async #pushManifest(
    descriptor: Descriptor,
    source: ContentSource,
    options: PushOptions,
    lacking: readonly Branch[],
  ): Promise<readonly PushResult[]> {
    const bytes = await collect(source(), descriptor.size, `manifest ${descriptor.digest}`);
    const own: ContentSource = (from) => fromBuffer(Uint8Array.from(bytes.subarray(from?.offset ?? 0)));
    return await allDone(lacking.map((branch) => this.#take(branch, descriptor, own, options)));
  }

  async #pushBlob(
    descriptor: Descriptor,
    source: ContentSource,
    options: PushOptions,
    lacking: readonly Branch[],
  ): Promise<readonly PushResult[]> {
    const broadcast = new Broadcast({ open: () => source(), readers: lacking.length });
    // Who has to go on in the middle, or begins anew, reads for itself.
    const joined = new WeakSet<Branch>();
    const sourceOf =
      (branch: Branch): ContentSource =>
      (from) => {
        if (from?.offset || joined.has(branch)) return source(from);
        joined.add(branch);
        return broadcast.bytes();
      };
    return await allDone(
      lacking.map(async (branch) => {
        try {
          if (await this.#mount(branch, descriptor, options)) return { existed: false, subjectHandled: false };
          return await this.#take(branch, descriptor, sourceOf(branch), options);
        } finally {
          if (!joined.has(branch)) broadcast.leave();
        }
      }),
    );
  }

  async #mount({ store, share }: Branch, descriptor: Descriptor, options: Signal): Promise<boolean> {
    const way = shortcut(this.#from, store.location);
    if (way === "push" || way === "skip" || !store.mount) return false;
    const signal = options.signal ? { signal: options.signal } : {};
    const mounted = await store.mount(descriptor, this.#from, signal);
    if (mounted && mounted !== "mounted") await mounted.abort();
    if (mounted !== "mounted") return false;
    share.nodes[way] += 1;
    return true;
  }

  async #take(
    { store, share }: Branch,
    descriptor: Descriptor,
    source: ContentSource,
    options: PushOptions,
  ): Promise<PushResult> {
    const result = await store.push(descriptor, source, options);
    if (!result.existed) {
      share.nodes.push += 1;
      share.pushedBytes += descriptor.size;
    }
    return result;
  }
}

/** Fails with the first failure, once nothing is under way any more: a target may be closed after it. */
async function allDone<T>(pushes: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(pushes);
  return await Promise.all(pushes);
}

async function* none(): AsyncGenerator<never, void, undefined> {
  // An empty listing.
}
