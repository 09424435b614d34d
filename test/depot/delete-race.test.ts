import assert from "node:assert/strict";
import { test } from "node:test";
import { openDepot } from "../../src/depot/open-depot.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { image, pushBlob, readAll, sourceOf, toArray } from "../support/content.ts";
import { temporaryRoot } from "./scene.ts";

const ROUNDS = 60;

test("a manifest that is pushed while it is deleted is there with its tag, or gone with it", async (t) => {
  await using depot = await openDepot(await temporaryRoot(t));
  const store = await depot.repository("a");
  const { manifest, blobs } = image("coming and going");
  for (const part of blobs) await pushBlob(store, part);
  const { descriptor, bytes } = manifest;
  const push = async (tag: string): Promise<void> => {
    await store.push(descriptor, sourceOf(bytes), { kind: "manifest", tags: [tag] });
  };
  const remove = async (): Promise<void> => {
    try {
      await store.delete?.(descriptor, { kind: "manifest" });
    } catch (error) {
      if (!isOciError(error, "MANIFEST_UNKNOWN")) throw error;
    }
  };
  let survived = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await push("before");
    await Promise.all([remove(), push("one"), push("two"), round % 2 ? remove() : push("three")]);
    const tags = await toArray(store.tags());
    survived += tags.length;
    for (const { name } of tags) {
      const found = await store.resolve({ tag: name });
      assert.deepEqual(await readAll(store.fetch(found)), Buffer.from(bytes), `${name} in round ${round}`);
    }
    assert.equal(await store.exists(descriptor), tags.length > 0);
  }
  t.diagnostic(`${survived} tags outlived a delete`);
});
