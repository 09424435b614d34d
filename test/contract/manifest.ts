import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaType } from "../../src/spec/media-type.ts";
import {
  blob,
  image,
  index,
  json,
  piece,
  pushBlob,
  pushImage,
  pushManifest,
  readAll,
  sourceOf,
} from "../support/content.ts";
import { type Context, failsWith } from "./context.ts";

/** Manifests: bytes kept, form checked, closed over their blobs. */
export function manifestContract({ open, traits }: Context): void {
  test("a manifest comes back to the byte, by tag and by digest", async () => {
    const store = await open();
    const parts = image("plain");
    await pushImage(store, parts, ["v1"]);
    const { descriptor, bytes } = parts.manifest;
    for (const name of [{ tag: "v1" }, { digest: descriptor.digest }]) {
      const found = await store.resolve(name);
      assert.deepEqual(
        { mediaType: found.mediaType, digest: found.digest, size: found.size },
        { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size },
      );
    }
    assert.deepEqual(await readAll(store.fetch(descriptor)), Buffer.from(bytes));
    assert.equal(await store.exists(descriptor), true);
  });

  test("white space and unknown fields of a manifest stay", async () => {
    const store = await open();
    const parts = image("spaced");
    for (const part of parts.blobs) await pushBlob(store, part);
    const value = JSON.parse(Buffer.from(parts.manifest.bytes).toString()) as object;
    const odd = piece(
      `${JSON.stringify({ ...value, "org.example.odd": [1, null] }, undefined, 3)}\n\n`,
      MediaType.ImageManifest,
    );
    await pushManifest(store, odd, ["odd"]);
    assert.deepEqual(await readAll(store.fetch(await store.resolve({ tag: "odd" }))), Buffer.from(odd.bytes));
  });

  test("a manifest without layers, an empty index, a nested index", async () => {
    const store = await open();
    const config = piece("{}", MediaType.Empty);
    await pushBlob(store, config);
    const bare = json(
      { schemaVersion: 2, artifactType: "application/x.test", config: config.descriptor, layers: [] },
      MediaType.ImageManifest,
    );
    const empty = index([]);
    const nested = index([empty.descriptor, bare.descriptor]);
    for (const part of [bare, empty, nested]) {
      await pushManifest(store, part);
      assert.deepEqual(await readAll(store.fetch(part.descriptor)), Buffer.from(part.bytes));
    }
    const found = await store.resolve({ digest: nested.descriptor.digest });
    assert.equal(found.mediaType, MediaType.ImageIndex);
  });

  test("a manifest of an unknown type is kept as it is", { skip: !traits.opaque }, async () => {
    const store = await open();
    const odd = piece(
      `{"mediaType":"application/vnd.example.thing+json","thing":1}`,
      "application/vnd.example.thing+json",
    );
    await pushManifest(store, odd, ["thing"]);
    assert.equal((await store.resolve({ tag: "thing" })).mediaType, "application/vnd.example.thing+json");
    assert.equal(
      (await store.resolve({ digest: odd.descriptor.digest })).mediaType,
      "application/vnd.example.thing+json",
    );
  });

  test("a manifest that names a missing blob is refused", { skip: !traits.closure }, async () => {
    const store = await open();
    const parts = image("hollow");
    const push = store.push(parts.manifest.descriptor, sourceOf(parts.manifest.bytes), {
      kind: "manifest",
      tags: ["v1"],
    });
    await failsWith(push, "MANIFEST_BLOB_UNKNOWN");
    await failsWith(store.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN", "NAME_UNKNOWN");
    assert.equal(await store.exists(parts.manifest.descriptor), false);
  });

  test("an index whose children are elsewhere is taken", { skip: !traits.sparse }, async () => {
    const store = await open();
    const sparse = index([image("elsewhere").manifest.descriptor]);
    await pushManifest(store, sparse, ["sparse"]);
    assert.equal((await store.resolve({ tag: "sparse" })).digest, sparse.descriptor.digest);
  });

  const malformed: readonly [string, string][] = [
    ["not JSON", "{"],
    ["two readings", `{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}`],
    ["another type inside", `{"schemaVersion":2,"mediaType":"${MediaType.ImageIndex}","manifests":[]}`],
    ["a duplicate key", `{"schemaVersion":2,"schemaVersion":2,"config":{},"layers":[]}`],
    [
      "a digest that is a path",
      `{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:../../x","size":1},"layers":[]}`,
    ],
    [
      "a negative size",
      `{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:${"a".repeat(64)}","size":-1},"layers":[]}`,
    ],
  ];
  for (const [what, text] of malformed) {
    test(`a manifest with ${what} is refused`, async () => {
      const store = await open();
      const part = piece(text, MediaType.ImageManifest);
      const push = store.push(part.descriptor, sourceOf(part.bytes), { kind: "manifest", tags: ["bad"] });
      await failsWith(push, "MANIFEST_INVALID", "DIGEST_INVALID");
      assert.equal(await store.exists(part.descriptor), false);
    });
  }

  test("manifest bytes that are not what the digest says are refused", async () => {
    const store = await open();
    const parts = image("swapped");
    for (const part of parts.blobs) await pushBlob(store, part);
    const other = Buffer.from(parts.manifest.bytes);
    other[0] = 0x20;
    const push = store.push(parts.manifest.descriptor, sourceOf(other), { kind: "manifest", tags: ["v1"] });
    await failsWith(push, "DIGEST_INVALID", "SIZE_INVALID");
    await failsWith(store.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN", "NAME_UNKNOWN");
  });

  test("deleting a manifest takes its tags and leaves the rest", { skip: !traits.remove }, async () => {
    const store = await open();
    const parts = image("to go");
    const kept = image("to stay");
    await pushImage(store, parts, ["gone", "gone-too"]);
    await pushImage(store, kept, ["kept"]);
    assert.ok(store.delete);
    await store.delete(parts.manifest.descriptor, { kind: "manifest" });
    assert.equal(await store.exists(parts.manifest.descriptor), false);
    for (const tag of ["gone", "gone-too"]) await failsWith(store.resolve({ tag }), "MANIFEST_UNKNOWN");
    assert.equal((await store.resolve({ tag: "kept" })).digest, kept.manifest.descriptor.digest);
    for (const part of parts.blobs) assert.equal(await store.exists(part.descriptor, { kind: "blob" }), true);
    await failsWith(store.delete(parts.manifest.descriptor, { kind: "manifest" }), "MANIFEST_UNKNOWN");
  });

  test("a blob is not a manifest", { skip: !traits.kinds }, async () => {
    const store = await open();
    const part = blob("just a layer");
    await pushBlob(store, part);
    await failsWith(store.resolve({ digest: part.descriptor.digest }), "MANIFEST_UNKNOWN");
  });
}
