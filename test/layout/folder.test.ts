import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { storeContract } from "../contract/store.ts";
import { failsWith } from "../contract/context.ts";
import { image, pushImage, toArray } from "../support/content.ts";

storeContract("a repository in a folder of layouts", async () => {
  const root = await mkdtemp(join(tmpdir(), "berth-folder-"));
  const registry = await openLayoutFolder(root);
  let count = 0;
  return {
    open: () => registry.repository(`r/${(count += 1)}`),
    close: () => rm(root, { recursive: true }),
  };
});

describe("a folder of layouts", () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "berth-folder-"));
  });
  after(() => rm(root, { recursive: true }));

  test("names repositories by their paths, nested ones and such as a layout's own files too", async () => {
    const registry = await openLayoutFolder(root);
    const names = ["a/b/c", "a", "a/b", "a-b", "blobs", "x/index.json/oci-layout"];
    for (const name of names) await pushImage(await registry.repository(name), image(name), ["v1"]);
    const again = await openLayoutFolder(root);
    assert.deepEqual(await toArray(again.repositories()), names.toSorted());
    assert.deepEqual(await toArray(again.repositories({ prefix: "a", after: "a", limit: 2 })), ["a-b", "a/b"]);
    for (const name of names) {
      assert.equal(await again.has(name), true);
      const found = await (await again.repository(name)).resolve({ tag: "v1" });
      assert.equal(found.digest, image(name).manifest.descriptor.digest);
    }
    const holders = again.holders?.(image("a/b").manifest.descriptor.digest);
    assert.ok(holders);
    assert.deepEqual(await toArray(holders), ["a/b"]);
  });

  test("makes nothing of a repository that is only looked at", async () => {
    const before = await readdir(root, { recursive: true });
    const registry = await openLayoutFolder(root);
    const store = await registry.repository("never/pushed");
    assert.equal(await registry.has("never/pushed"), false);
    assert.deepEqual(await toArray(store.tags()), []);
    await failsWith(store.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN");
    assert.deepEqual(await readdir(root, { recursive: true }), before);
  });

  test("hands out one store per repository", async () => {
    const registry = await openLayoutFolder(root);
    assert.equal(await registry.repository("a"), await registry.repository("a"));
    await failsWith(registry.repository("../etc"), "NAME_INVALID");
    await failsWith(registry.repository(".berth"), "NAME_INVALID");
  });

  test("follows no link out of the folder", async () => {
    const outside = await mkdtemp(join(tmpdir(), "berth-outside-"));
    try {
      await pushImage(await openLayout(join(outside, "secret"), { create: true }), image("secret"), ["v1"]);
      await mkdir(join(root, "links"));
      await symlink(outside, join(root, "links/out"));
      const registry = await openLayoutFolder(root);
      assert.equal((await toArray(registry.repositories({ prefix: "links" }))).length, 0);
      await failsWith(registry.repository("links/out/secret"), "NAME_UNKNOWN");
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  test("mounts between repositories and linked blobs survive a delete", async () => {
    const registry = await openLayoutFolder(root);
    const parts = image("mounted");
    const source = await registry.repository("from");
    await pushImage(source, parts, ["v1"]);
    const target = await registry.repository("to/here");
    for (const { descriptor } of parts.blobs) {
      assert.equal(await target.mount?.(descriptor, source.location), "mounted");
      assert.equal(await target.exists(descriptor, { kind: "blob" }), true);
      await source.delete?.(descriptor, { kind: "blob" });
      assert.equal(await source.exists(descriptor, { kind: "blob" }), false);
      assert.equal(await target.exists(descriptor, { kind: "blob" }), true);
    }
  });
});
