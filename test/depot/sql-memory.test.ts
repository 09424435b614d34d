import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDepot } from "../../src/depot/open-depot.ts";
import type { Store } from "../../src/store/store.ts";
import { failsWith } from "../contract/context.ts";
import { image, type ImageParts, pushBlob, pushManifest } from "../support/content.ts";

async function withStore(run: (store: Store) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "berth-memory-"));
  try {
    await using depot = await openDepot(root);
    await run(await depot.repository("a"));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function push(store: Store, parts: ImageParts, tags: readonly string[]): Promise<void> {
  for (const part of parts.blobs) await pushBlob(store, part);
  await pushManifest(store, parts.manifest, tags);
}

test("a name that was read is read anew after every write that was acknowledged", async () => {
  await withStore(async (store) => {
    const [one, two] = [image("one"), image("two")];
    const [first, second] = [one.manifest.descriptor, two.manifest.descriptor];
    await push(store, one, ["v"]);
    await push(store, two, []);
    const at = async (): Promise<string> => (await store.resolve({ tag: "v" })).digest;
    for (let round = 0; round < 20; round += 1) {
      const to = round % 2 ? first : second;
      await at();
      await store.update([{ tag: "v", to }]);
      assert.equal(await at(), to.digest);
    }
    await store.update([{ tag: "v", to: null }]);
    await failsWith(at(), "MANIFEST_UNKNOWN");
    await store.resolve({ digest: first.digest });
    await store.delete?.(first, { kind: "manifest" });
    await failsWith(store.resolve({ digest: first.digest }), "MANIFEST_UNKNOWN");
    await pushManifest(store, one.manifest, ["v"]);
    assert.equal(await at(), first.digest);
  });
});

test("readers beside a writer never go back, and see what was acknowledged before they asked", async () => {
  await withStore(async (store) => {
    const images = Array.from({ length: 40 }, (_, at) => image(`step ${at}`));
    const order = new Map(images.map(({ manifest }, at) => [manifest.descriptor.digest, at]));
    for (const parts of images) await push(store, parts, []);
    let acknowledged = 0;
    let going = true;
    await store.update([{ tag: "v", to: (images[0] ?? assert.fail()).manifest.descriptor }]);
    const read = async (): Promise<void> => {
      let last = 0;
      while (going) {
        const before = acknowledged;
        const seen = order.get((await store.resolve({ tag: "v" })).digest) ?? assert.fail();
        assert.ok(seen >= before, `saw ${seen} after ${before} was acknowledged`);
        assert.ok(seen >= last, `saw ${seen} after ${last}`);
        last = seen;
        await new Promise(setImmediate);
      }
    };
    const readers = Array.from({ length: 8 }, read);
    for (const [at, { manifest }] of images.entries()) {
      await store.update([{ tag: "v", to: manifest.descriptor }]);
      acknowledged = at;
    }
    going = false;
    await Promise.all(readers);
  });
});
