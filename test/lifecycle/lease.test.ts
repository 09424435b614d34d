import assert from "node:assert/strict";
import { lutimes, stat } from "node:fs/promises";
import { describe, test } from "node:test";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { copy, planCopy } from "../../src/transfer/copy.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { blob, image, pushBlob, pushImage, sourceOf, toArray } from "../support/content.ts";
import { HOUR, MEDIA, openScene, type Scene } from "./scene.ts";

const MINUTE = 60_000;

/** Milliseconds since a blob was touched. */
async function ageOf(scene: Scene, digest: Digest): Promise<number> {
  return Date.now() - (await stat(scene.path(digest))).mtimeMs;
}

for (const medium of MEDIA) {
  describe(`leases in a ${medium}`, () => {
    test("are taken by whoever relies on what is there, once a quarter of an hour has gone", async () => {
      await using scene = await openScene(medium);
      const { store } = scene;
      const parts = image("leased");
      await pushImage(store, parts, ["v1"]);
      const { manifest } = parts;
      const [config] = parts.blobs;
      assert.ok(config);
      const ways: Readonly<Record<string, { readonly digest: Digest; run(): Promise<unknown> }>> = {
        exists: {
          digest: config.descriptor.digest,
          run: () => store.exists(config.descriptor, { kind: "blob", lease: true }),
        },
        resolve: {
          digest: config.descriptor.digest,
          run: () => store.resolve({ digest: config.descriptor.digest }, { kind: "blob", lease: true }),
        },
        "push of what is there": { digest: config.descriptor.digest, run: () => pushBlob(store, config) },
        "the manifest above": {
          digest: config.descriptor.digest,
          run: () => store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest" }),
        },
        "the manifest above, unchecked": {
          digest: config.descriptor.digest,
          run: () => store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest", closed: false }),
        },
        "the same manifest": {
          digest: manifest.descriptor.digest,
          run: () => store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest" }),
        },
        "a tag": {
          digest: manifest.descriptor.digest,
          run: () => store.update([{ tag: "v2", to: manifest.descriptor }]),
        },
      };
      for (const [name, { digest, run }] of Object.entries(ways)) {
        await scene.age(14 * MINUTE);
        await run();
        assert.ok((await ageOf(scene, digest)) > 13 * MINUTE, `${name}: renewed too early`);
        await scene.age(16 * MINUTE);
        await run();
        assert.ok((await ageOf(scene, digest)) < MINUTE, `${name}: not renewed`);
      }
    });

    test("are not taken by reading", async () => {
      await using scene = await openScene(medium);
      const part = blob("read");
      await pushBlob(scene.store, part);
      await scene.age();
      await scene.store.exists(part.descriptor, { kind: "blob" });
      await scene.store.resolve({ digest: part.descriptor.digest }, { kind: "blob" });
      await toArray(scene.store.fetch(part.descriptor, { kind: "blob" }));
      assert.ok((await ageOf(scene, part.descriptor.digest)) > HOUR);
    });

    test("a copy takes them at its target alone, and its plan takes none", async () => {
      await using source = await openScene(medium);
      await using target = await openScene(medium);
      const parts = image("copied");
      const roots = [{ descriptor: parts.manifest.descriptor, tags: ["v1"] }];
      for (const scene of [source, target]) for (const part of parts.blobs) await pushBlob(scene.store, part);
      await pushImage(source.store, parts, ["v1"]);
      for (const scene of [source, target]) await scene.age();
      const [, layer] = parts.blobs;
      assert.ok(layer);
      await toArray(planCopy({ source: source.store, target: target.store, roots }));
      assert.ok((await ageOf(target, layer.descriptor.digest)) > HOUR);
      await copy({ source: source.store, target: target.store, roots });
      assert.ok((await ageOf(target, layer.descriptor.digest)) < MINUTE);
      assert.ok((await ageOf(source, layer.descriptor.digest)) > HOUR);
    });
  });
}

test("a lease whose blob is taken away in between finds nothing", async () => {
  await using scene = await openScene("layout");
  const part = blob("gone in a moment");
  await pushBlob(scene.store, part);
  await scene.age();
  const { nodeDisk } = await import("../../src/disk/node-disk.ts");
  const blobs = new DirectoryBlobs(scene.directory, { disk: { ...nodeDisk, touch: async () => false } });
  assert.equal(await blobs.stat(part.descriptor.digest, { lease: true }), undefined);
  assert.notEqual(await blobs.stat(part.descriptor.digest), undefined);
});

test("what came long before it was committed is as young as its commit", async () => {
  await using scene = await openScene("layout");
  const part = blob("slow");
  const blobs = new DirectoryBlobs(scene.directory);
  const upload = await blobs.stage();
  await upload.append(sourceOf(part.bytes)(), 0);
  const old = (Date.now() - 2 * HOUR) / 1000;
  await lutimes(blobs.staging.path(upload.id), old, old);
  await upload.commit(part.descriptor.digest);
  assert.ok((await ageOf(scene, part.descriptor.digest)) < MINUTE);
});
