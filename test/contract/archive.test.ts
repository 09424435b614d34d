import { fail } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchiveStore, openArchive } from "../../src/archive/open-archive.ts";
import type { Store } from "../../src/store/store.ts";
import { storeContract } from "./store.ts";

for (const name of ["tar", "tar.zst"]) {
  storeContract(`an archive (.${name})`, async () => {
    const root = await mkdtemp(join(tmpdir(), "berth-archive-"));
    let count = 0;
    return {
      open: () => openArchive(join(root, `${(count += 1)}.${name}`), { create: true }),
      close: () => rm(root, { recursive: true }),
    };
  });
}

/** An archive that is opened for every call, changed, written and closed again, as one command after the other does. */
function eachTime(path: string): Store {
  const during = async <T>(work: (store: ArchiveStore) => Promise<T>): Promise<T> => {
    await using store = await openArchive(path, { create: true });
    const result = await work(store);
    await store.commit();
    return result;
  };
  async function* each<T>(list: (store: Store) => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    await using store = await openArchive(path, { create: true });
    yield* list(store);
  }
  return {
    location: { medium: "archive", path },
    resolve: (reference, options) => during((store) => store.resolve(reference, options)),
    exists: (descriptor, options) => during((store) => store.exists(descriptor, options)),
    fetch: (descriptor, options) => each((store) => store.fetch(descriptor, options)),
    async open(descriptor, options) {
      const store = await openArchive(path, { create: true });
      try {
        const content = await store.open(descriptor, options);
        return {
          size: content.size,
          bytes: (lent) => content.bytes(lent),
          [Symbol.asyncDispose]: async () => {
            await content[Symbol.asyncDispose]();
            await store[Symbol.asyncDispose]();
          },
        };
      } catch (error) {
        await store[Symbol.asyncDispose]();
        throw error;
      }
    },
    tags: (page) => each((store) => store.tags(page)),
    referrers: (subject, options) => each((store) => store.referrers(subject, options)),
    parents: (child, options) => each((store) => store.parents?.(child, options) ?? fail("no parents")),
    push: (descriptor, source, options) => during((store) => store.push(descriptor, source, options)),
    update: (changes, options) => during((store) => store.update(changes, options)),
    delete: (descriptor, options) => during(async (store) => store.delete?.(descriptor, options)),
    listReferrers: (changes, options) => during(async (store) => store.listReferrers?.(changes, options)),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

storeContract(
  "an archive that is written after every change",
  async () => {
    const root = await mkdtemp(join(tmpdir(), "berth-archive-"));
    let count = 0;
    return {
      open: async () => eachTime(join(root, `${(count += 1)}.tar`)),
      close: () => rm(root, { recursive: true }),
    };
  },
  { resume: false, ordered: false },
);
