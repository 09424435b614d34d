import assert from "node:assert/strict";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Store } from "../../src/store/store.ts";
import { image, pushBlob, readAll, sourceOf, toArray } from "../support/content.ts";
import type { Context } from "./context.ts";

const ROUNDS = 20;

/** What holds when manifests come and go at the same time. */
export function deleteRaceContract({ open, traits }: Context): void {
  if (!traits.remove || !traits.ordered) return;

  test("a manifest that is pushed while it is deleted is there with its tag, or gone with it", async (t) => {
    const store = await open();
    const { manifest, blobs } = image("coming and going");
    for (const part of blobs) await pushBlob(store, part);
    const { descriptor, bytes } = manifest;
    const push = async (tag: string): Promise<void> => {
      await store.push(descriptor, sourceOf(bytes), { kind: "manifest", tags: [tag] });
    };
    let survived = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      await push("before");
      await Promise.all([
        unlessGone(store.delete?.(descriptor, { kind: "manifest" })),
        push("one"),
        unlessGone(store.update([{ tag: "moved", to: descriptor }])),
        round % 2 ? unlessGone(store.delete?.(descriptor, { kind: "manifest" })) : push("three"),
      ]);
      survived += await requireWhole(store, bytes);
    }
    t.diagnostic(`${survived} tags outlived a delete`);
  });
}

/** Every tag leads to the bytes; returns how many there are. */
async function requireWhole(store: Store, bytes: Uint8Array): Promise<number> {
  const tags = await toArray(store.tags());
  for (const { name } of tags) {
    const found = await store.resolve({ tag: name });
    assert.deepEqual(await readAll(store.fetch(found)), Buffer.from(bytes), name);
  }
  return tags.length;
}

async function unlessGone(work: Promise<unknown> | undefined): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isOciError(error, "MANIFEST_UNKNOWN")) throw error;
  }
}
