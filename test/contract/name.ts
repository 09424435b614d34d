import assert from "node:assert/strict";
import { test } from "node:test";
import { image, pushImage, pushManifest, toArray } from "../support/content.ts";
import { type Context, failsWith } from "./context.ts";

/** Tags: each moves whole, batches are all or none. */
export function nameContract({ open, traits }: Context): void {
  test("tags are listed in ASCII order and in pages", async () => {
    const store = await open();
    const parts = image("tagged");
    const names = ["b", "a", "v1.0", "Z", "_x", "v1.10", "v1.2"];
    await pushImage(store, parts, names);
    const expected = names.toSorted();
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      expected,
    );
    if (!traits.pages) return;
    assert.deepEqual(
      (await toArray(store.tags({ limit: 3 }))).map((tag) => tag.name),
      expected.slice(0, 3),
    );
    assert.deepEqual(
      (await toArray(store.tags({ after: "a" }))).map((tag) => tag.name),
      expected.slice(expected.indexOf("a") + 1),
    );
    assert.deepEqual(
      (await toArray(store.tags({ after: "aa", limit: 1 }))).map((tag) => tag.name),
      ["b"],
    );
  });

  test("a tag that is not there is unknown", async () => {
    const store = await open();
    await pushImage(store, image("some"), ["some"]);
    await failsWith(store.resolve({ tag: "none" }), "MANIFEST_UNKNOWN");
  });

  test("a tag moves, and the old manifest stays", async () => {
    const store = await open();
    const first = image("first");
    const second = image("second");
    await pushImage(store, first, ["latest"]);
    await pushImage(store, second);
    await store.update([{ tag: "latest", to: second.manifest.descriptor }]);
    assert.equal((await store.resolve({ tag: "latest" })).digest, second.manifest.descriptor.digest);
    assert.equal(await store.exists(first.manifest.descriptor), true);
  });

  test("a tag that goes takes nothing with it", { skip: !traits.untag }, async () => {
    const store = await open();
    const parts = image("kept");
    await pushImage(store, parts, ["one", "two"]);
    await store.update([{ tag: "one", to: null }]);
    await failsWith(store.resolve({ tag: "one" }), "MANIFEST_UNKNOWN");
    assert.equal((await store.resolve({ tag: "two" })).digest, parts.manifest.descriptor.digest);
    await store.update([{ tag: "two", to: null }]);
    assert.equal(await store.exists(parts.manifest.descriptor), true);
  });

  test("a batch of names arrives together", async () => {
    const store = await open();
    const parts = image("many names");
    await pushImage(store, parts);
    const names = Array.from({ length: 50 }, (_, at) => `t${String(at).padStart(2, "0")}`);
    await store.update(names.map((tag) => ({ tag, to: parts.manifest.descriptor })));
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      names,
    );
  });

  test("compare-and-swap refuses a stale change, whole", { skip: !traits.guarded }, async () => {
    const store = await open();
    const first = image("old");
    const second = image("new");
    await pushImage(store, first, ["latest"]);
    await pushManifest(store, second.manifest).catch(() => undefined);
    await pushImage(store, second);
    const stale = [{ tag: "latest", to: second.manifest.descriptor, expect: second.manifest.descriptor.digest }];
    await failsWith(store.update(stale), "CONFLICT");
    await failsWith(store.update([{ tag: "latest", to: second.manifest.descriptor, expect: null }]), "CONFLICT");
    assert.equal((await store.resolve({ tag: "latest" })).digest, first.manifest.descriptor.digest);
    const good = [{ tag: "latest", to: second.manifest.descriptor, expect: first.manifest.descriptor.digest }];
    assert.deepEqual(await store.update(good), { guarded: true });
    assert.equal((await store.resolve({ tag: "latest" })).digest, second.manifest.descriptor.digest);
    await store.update([{ tag: "fresh", to: first.manifest.descriptor, expect: null }]);
    assert.equal((await store.resolve({ tag: "fresh" })).digest, first.manifest.descriptor.digest);
  });

  test("a tag never points at nothing", async () => {
    const store = await open();
    const { manifest } = image("never pushed");
    await failsWith(store.update([{ tag: "ghost", to: manifest.descriptor }]), "MANIFEST_UNKNOWN", "NAME_UNKNOWN");
    await failsWith(store.resolve({ tag: "ghost" }), "MANIFEST_UNKNOWN", "NAME_UNKNOWN");
  });

  test("thirty tags written at once are all there", async () => {
    const store = await open();
    const parts = image("crowded");
    await pushImage(store, parts);
    const names = Array.from({ length: 30 }, (_, at) => `c${String(at).padStart(2, "0")}`);
    await Promise.all(names.map((tag) => store.update([{ tag, to: parts.manifest.descriptor }])));
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      names,
    );
  });
}
