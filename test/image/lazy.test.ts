import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openImageFiles } from "../../src/image/cat.ts";
import type { ChosenImage } from "../../src/image/choose-image.ts";
import { listImageFiles, listLayerFiles } from "../../src/image/image-files.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { paxRecord } from "../tar/raw-header.ts";
import { readAll } from "../support/content.ts";
import { temporary } from "./fixture.ts";
import { chunked, type LazyBytes, stargz } from "./lazy-layers.ts";
import { openImageOf, tarOf, type Written } from "./layers.ts";

const long = `deep/${"n".repeat(150)}`;
const entries: readonly Written[] = [
  { path: "etc/", type: "directory", modifiedAt: 1_700_000_000 },
  { path: "etc/empty" },
  { path: "etc/release", text: "version 1 of it", modifiedAt: 1_700_000_000 },
  { path: "etc/link", type: "symlink", linkPath: "release", mode: 0o644 },
  { path: "etc/more", text: "abcde" },
  { path: "etc/same", type: "hardlink", linkPath: "etc/more" },
  { path: ".wh.gone" },
];

interface Watched {
  readonly image: Pick<ChosenImage, "source" | "manifest">;
  /** Bytes that came out of the store. */
  moved(): number;
  fetched(): number;
}

/** An image of one base in gzip and one layer as it is given, over a store that counts. */
async function watched(
  layer: LazyBytes,
  change: (bytes: Buffer) => Buffer = (bytes) => bytes,
  store: Store = createMemoryStore(),
): Promise<Watched> {
  const image = await openImageOf(store, { layers: [[{ path: "gone", text: "x" }]] });
  const bytes = change(Buffer.from(layer.bytes));
  const { mediaType, annotations } = layer;
  const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length, annotations };
  await store.push(descriptor, () => fromBuffer(bytes), { kind: "blob" });
  const counts = { moved: 0, fetched: 0 };
  async function* counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      counts.moved += chunk.length;
      yield chunk;
    }
  }
  const source = decorate(store, {
    fetch: (wanted, options) => {
      if (wanted.digest === digestOf(bytes)) counts.fetched += 1;
      return store.fetch(wanted, options);
    },
    open: async (wanted, options) => {
      const content = await store.open(wanted, options);
      return {
        size: content.size,
        bytes: () => counted(content.bytes()),
        [Symbol.asyncDispose]: () => content[Symbol.asyncDispose](),
      };
    },
  });
  const manifest = { ...image.manifest, layers: [...image.manifest.layers, descriptor] };
  return { image: { source, manifest }, moved: () => counts.moved, fetched: () => counts.fetched };
}

const plain = (written: readonly Written[]): LazyBytes => ({
  bytes: tarOf(written),
  mediaType: MediaType.Layer,
  annotations: {},
});

const forms: readonly (readonly [string, LazyBytes])[] = [
  ["a tar without compression", plain(entries)],
  ["eStargz", stargz(entries)],
  ["zstd:chunked", chunked(entries)],
  ["zstd:chunked of before 2022", chunked(entries, "io.containers.zstd-chunked.")],
];

describe("layers that are read by ranges", () => {
  for (const [name, layer] of forms) {
    test(`${name}: the same list and the same contents, without reading the layer`, async () => {
      const { image, fetched } = await watched(layer);
      const whole = await listImageFiles(image);
      assert.ok(whole.some(({ path }) => path === "/etc/release") && !whole.some(({ path }) => path === "/gone"));
      const before = fetched();
      assert.deepEqual(await listImageFiles(image, { lazy: true }), whole);
      assert.deepEqual(await listLayerFiles(image, 1, { lazy: true }), await listLayerFiles(image, 1));
      const paths = ["/etc/release", "etc/link", "etc/same", "etc/empty"];
      const read = await openImageFiles(image, paths, { lazy: true });
      const texts = await Promise.all(read.map(async ({ bytes }) => (await readAll(bytes())).toString()));
      assert.deepEqual(texts, ["version 1 of it", "version 1 of it", "abcde", ""]);
      // One by listing the layer as a whole for the comparison above.
      assert.equal(fetched(), before + 1);
    });
  }

  test("what is large is passed over, behind long names as well", async (t) => {
    await using store = await openLayout(join(await temporary(t), "layout"), { create: true });
    const big = "x".repeat(6_000_000);
    const pax = { path: "pax", flag: "x", text: paxRecord("path", long).toString() };
    const layer = plain([{ path: "big", text: big }, pax, { path: "short", text: "found" }, { path: "b2", text: big }]);
    const { image, moved } = await watched(layer, undefined, store);
    const [file] = await openImageFiles(image, [long], { lazy: true });
    assert.ok(file);
    assert.equal((await readAll(file.bytes())).toString(), "found");
    assert.ok(moved() < big.length, `${moved()} bytes`);
  });

  test("a table or a file that is not what its digest says is refused, and without lazy nothing depends on it", async () => {
    for (const layer of [stargz(entries), chunked(entries)]) {
      const [key = ""] = Object.keys(layer.annotations).filter((each) => /digest|checksum/.test(each));
      const lies = { ...layer, annotations: { ...layer.annotations, [key]: digestOf(Buffer.from("another")) } };
      const { image } = await watched(lies);
      await assert.rejects(listImageFiles(image, { lazy: true }), (error) => isOciError(error, "DIGEST_INVALID"));
      assert.ok((await listImageFiles(image)).length > 0);
    }
    // So short a frame has its content as it is.
    const mixed = await watched(chunked(entries), (bytes) => {
      bytes[bytes.indexOf("abcde")] = 0x41;
      return bytes;
    });
    const [file] = await openImageFiles(mixed.image, ["etc/more"], { lazy: true });
    assert.ok(file);
    await assert.rejects(readAll(file.bytes()), (error) => isOciError(error, "DIGEST_INVALID"));
  });

  test("a damaged tar, one that is compressed although it does not say so, and a table elsewhere", async () => {
    const cut = await watched(plain([{ path: "a", text: "x".repeat(2000) }]), (bytes) => bytes.subarray(0, 1600));
    await assert.rejects(listImageFiles(cut.image, { lazy: true }), (error) => isOciError(error, "ARCHIVE_INVALID"));
    const { bytes } = chunked(entries);
    const hidden = await watched({ bytes, mediaType: MediaType.Layer, annotations: {} });
    assert.deepEqual(await listImageFiles(hidden.image, { lazy: true }), await listImageFiles(hidden.image));
    const layer = chunked(entries);
    const key = "io.github.containers.zstd-chunked.manifest-position";
    for (const position of ["999999999:10:10:1", "0:999999999999:10:1", "8:0:0:1"]) {
      const moved = await watched({ ...layer, annotations: { ...layer.annotations, [key]: position } });
      await assert.rejects(listImageFiles(moved.image, { lazy: true }), (error) =>
        isOciError(error, "ARCHIVE_INVALID", "LIMIT_EXCEEDED", "DIGEST_INVALID"),
      );
    }
  });
});
