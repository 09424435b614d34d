import { randomUUID } from "node:crypto";
import { MemoryBlobs } from "../blobs/memory.ts";
import { MemoryNames } from "../names/memory.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseRepositoryName } from "../spec/name.ts";
import { decorate } from "../store/decorate.ts";
import type { Page } from "../store/names.ts";
import { repository } from "../store/repository.ts";
import type { Location, Registry, Store } from "../store/store.ts";

interface Held {
  readonly blobs: MemoryBlobs;
  readonly store: Store;
}

function hold(id: string): Held {
  const blobs = new MemoryBlobs();
  return { blobs, store: repository(blobs, new MemoryNames(), { location: { medium: "memory", id } }) };
}

/** One repository in memory. */
export function createMemoryStore(): Store {
  return hold(randomUUID()).store;
}

/** Many repositories in memory; a repository exists from its first opening on. */
export function createMemoryRegistry(): Registry {
  const id = randomUUID();
  const held = new Map<string, Held>();

  async function mount(target: MemoryBlobs, descriptor: Descriptor, from?: Location): Promise<"mounted" | false> {
    const prefix = `${id}/`;
    if (from?.medium !== "memory" || !from.id.startsWith(prefix)) return false;
    const source = held.get(from.id.slice(prefix.length));
    return source !== undefined && (await target.link(descriptor.digest, source.blobs)) ? "mounted" : false;
  }

  async function exists(name: string): Promise<boolean> {
    const found = held.get(name);
    if (!found) return false;
    for await (const _blob of found.blobs.list()) return true;
    return false;
  }

  return {
    async repository(name) {
      const found = held.get(parseRepositoryName(name));
      if (found) return found.store;
      const fresh = hold(`${id}/${name}`);
      const store = decorate(fresh.store, {
        mount: (descriptor, from) => mount(fresh.blobs, descriptor, from),
      });
      held.set(name, { blobs: fresh.blobs, store });
      return store;
    },
    has: exists,
    async *repositories(options: Page & { readonly prefix?: string } = {}) {
      let left = options.limit ?? Number.POSITIVE_INFINITY;
      for (const name of [...held.keys()].toSorted()) {
        if (options.after !== undefined && name <= options.after) continue;
        if (!name.startsWith(options.prefix ?? "") || !(await exists(name))) continue;
        if (left-- <= 0) return;
        yield name;
      }
    },
    async remove(name) {
      held.delete(name);
    },
    async *holders(digest: Digest) {
      for (const [name, { blobs }] of held) if (await blobs.stat(digest)) yield name;
    },
    async [Symbol.asyncDispose]() {
      held.clear();
    },
  };
}
