import { isOciError, OciError } from "../../error/oci-error.ts";
import type { Bytes } from "../../bytes/bytes.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import type { FetchOptions, KindOption, Name, Store } from "../../store/store.ts";
import { decorate } from "../../store/decorate.ts";
import { unknownRepository } from "../authorize.ts";
import { type GuardedRepository, manifestAt } from "./guarded-repository.ts";

/** A repository as pullers see it: what is hidden is not there, in the words of what is not there. */
export function veil(store: Store, guarded: GuardedRepository): Store {
  const { parents } = store;

  /** A repository of which nothing can be seen is not there either. */
  const requireAnything = async (): Promise<void> => {
    if (!(await guarded.anything(store))) throw unknownRepository(guarded.name);
  };

  /** As a blob, only a manifest can be hidden. */
  const mayRead = async (digest: Descriptor["digest"]): Promise<boolean> => {
    const manifest = await manifestAt(store, digest);
    return manifest === undefined || guarded.isVisible(store, manifest);
  };

  async function resolve(name: Name, options: KindOption = {}): Promise<Descriptor> {
    let found: Descriptor;
    try {
      found = await store.resolve(name, options);
    } catch (error) {
      if (isOciError(error, "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")) await requireAnything();
      throw error;
    }
    if (options.kind === "blob") {
      await requireAnything();
      if (await mayRead(found.digest)) return found;
      throw new OciError("BLOB_UNKNOWN", `No blob ${found.digest}`, { digest: found.digest });
    }
    if (await guarded.isVisible(store, found)) {
      guarded.learn(found);
      return found;
    }
    await requireAnything();
    throw "tag" in name
      ? new OciError("MANIFEST_UNKNOWN", `No tag ${JSON.stringify(name.tag)}`, { reference: name.tag })
      : new OciError("MANIFEST_UNKNOWN", `No manifest ${name.digest}`, { digest: name.digest });
  }

  async function requireReadable({ digest }: Descriptor, { kind }: KindOption): Promise<void> {
    if (await mayRead(digest)) return;
    throw new OciError(kind === "blob" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN", `No ${digest}`, { digest });
  }

  return decorate(store, {
    resolve,
    exists: async (descriptor, options) =>
      (await store.exists(descriptor, options)) && (await mayRead(descriptor.digest)),
    async *fetch(descriptor: Descriptor, options: FetchOptions = {}): Bytes {
      await requireReadable(descriptor, options);
      yield* store.fetch(descriptor, options);
    },
    async open(descriptor, options = {}) {
      await requireReadable(descriptor, options);
      return store.open(descriptor, options);
    },
    async *tags(page) {
      await requireAnything();
      const { limit, ...rest } = page ?? {};
      let left = limit ?? Number.POSITIVE_INFINITY;
      if (left <= 0) return;
      // Whoever asks for a page is asked for the next as long as there are too few that can be seen.
      for await (const tag of store.tags(rest)) {
        const descriptor = tag.descriptor ?? (await store.resolve({ tag: tag.name }));
        if (!(await guarded.isVisible(store, descriptor))) continue;
        yield tag;
        left -= 1;
        if (left <= 0) return;
      }
    },
    async *referrers(subject, options) {
      const found = await manifestAt(store, subject.digest);
      if (!found || !(await guarded.isVisible(store, found))) return;
      for await (const referrer of store.referrers(subject, options)) {
        const { digest } = referrer.descriptor;
        const manifest = await manifestAt(store, digest);
        if (manifest && (await guarded.isVisible(store, manifest))) yield referrer;
      }
    },
    ...(parents
      ? {
          async *parents(child, options) {
            for await (const parent of parents.call(store, child, options)) {
              if (await guarded.isVisible(store, parent)) yield parent;
            }
          },
        }
      : {}),
  });
}
