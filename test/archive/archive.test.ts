import assert from "node:assert/strict";
import { chmod, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openArchive } from "../../src/archive/open-archive.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { detectCompression } from "../../src/tar/decompress.ts";
import { copy } from "../../src/transfer/copy.ts";
import { failsWith } from "../contract/context.ts";
import { blob, image, pushBlob, pushImage, pushManifest, readAll, toArray } from "../support/content.ts";
import { pushSampleGraph } from "../support/graph.ts";
import { archiveWith, entriesOf, namesIn, scene, tagsOf, tarInput, tarOf } from "./scene.ts";

const first = image("one");
const second = image("two");

describe("an archive", () => {
  for (const [name, compression] of [
    ["a.tar", "none"],
    ["a.tar.gz", "gzip"],
    ["a.tgz", "gzip"],
    ["a.tar.zst", "zstd"],
    ["a.img", "none"],
  ] as const) {
    test(`${name} holds what was pushed once it is committed, and leaves nothing beside it`, async () => {
      await using at = await scene();
      const path = at.path(name);
      await archiveWith(path, first);
      assert.deepEqual(await namesIn(dirname(path)), [name]);
      assert.equal(detectCompression(await readFile(path)), compression);
      await using store = await openArchive(path, { readOnly: true });
      const descriptor = await store.resolve({ tag: "v1" });
      assert.equal(descriptor.digest, first.manifest.descriptor.digest);
      for (const part of first.blobs) {
        assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
      }
    });
  }

  test("a plain one is read in place, also in ranges", async () => {
    await using at = await scene();
    const large = blob(Buffer.alloc(3_000_000, "0123456789"));
    await using made = await openArchive(at.path("a.tar"), { create: true });
    await pushBlob(made, large);
    await made.commit();
    await using store = await openArchive(at.path("a.tar"));
    await using content = await store.open(large.descriptor, {
      kind: "blob",
      range: { start: 1_500_001, end: 1_500_004 },
    });
    assert.equal((await readAll(content.bytes())).toString(), "1234");
    assert.ok(content.file);
    const there = Buffer.alloc(10);
    await content.file.handle.read(there, 0, 10, content.file.offset);
    assert.equal(there.toString(), "0123456789");
  });

  test("what is not committed is dropped", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const before = await readFile(at.path("a.tar"));
    {
      await using store = await openArchive(at.path("a.tar"));
      await pushImage(store, second, ["v2"]);
    }
    {
      await using store = await openArchive(at.path("b.tar"), { create: true });
      await pushImage(store, second, ["v2"]);
    }
    assert.deepEqual(await namesIn(dirname(at.path("a"))), ["a.tar"]);
    assert.deepEqual(await readFile(at.path("a.tar")), before);
  });

  test("a commit without a change does not touch the file", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const before = await stat(at.path("a.tar"));
    await using store = await openArchive(at.path("a.tar"));
    await store.update([{ tag: "v1", to: first.manifest.descriptor }]);
    await store.commit();
    assert.equal((await stat(at.path("a.tar"))).ino, before.ino);
  });

  test("the same content gives the same bytes, in whatever order it came", async () => {
    await using at = await scene();
    const parts = [...first.blobs, ...second.blobs];
    for (const [name, order] of [
      ["a.tar", parts],
      ["b.tar", parts.toReversed()],
    ] as const) {
      await using store = await openArchive(at.path(name), { create: true });
      for (const part of order) await pushBlob(store, part);
      await pushManifest(store, first.manifest, ["one"]);
      await pushManifest(store, second.manifest, ["two"]);
      await store.commit();
    }
    assert.deepEqual(await readFile(at.path("a.tar")), await readFile(at.path("b.tar")));
  });

  test("a rewrite keeps foreign entries, foreign fields and blobs byte for byte, and drops Docker's list, which would lie", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const entries = await entriesOf(at.path("a.tar"));
    const index = JSON.parse(entries.get("index.json")?.toString() ?? "") as Record<string, unknown>;
    const rebuilt = [
      tarInput("./", "", { type: "directory", mode: 0o750, modifiedAt: 77 }),
      tarInput("./README", "mine", { mode: 0o600, uid: 7, modifiedAt: 1234.5 }),
      tarInput("./link", "", { type: "symlink", linkPath: "README" }),
      ...[...entries].flatMap(([path, content]) =>
        path.startsWith("blobs/sha256/") ? [tarInput(`./${path}`, content, { mode: 0o444 })] : [],
      ),
      tarInput("./oci-layout", entries.get("oci-layout")),
      tarInput("./index.json", JSON.stringify({ ...index, "x-mine": { kept: true } })),
      tarInput("manifest.json", "[]"),
      tarInput("repositories", "{}"),
    ];
    await writeFile(at.path("a.tar"), await tarOf(rebuilt));
    await using store = await openArchive(at.path("a.tar"));
    await store.update([{ tag: "v2", to: first.manifest.descriptor }]);
    await store.commit();
    const after = await entriesOf(at.path("a.tar"));
    assert.equal(after.get("./README")?.toString(), "mine");
    assert.equal(
      (JSON.parse(after.get("index.json")?.toString() ?? "") as Record<string, { kept: boolean }>)["x-mine"]?.kept,
      true,
    );
    assert.equal(after.has("manifest.json") || after.has("repositories"), false);
    const raw = await readFile(at.path("a.tar"));
    assert.ok(raw.includes((await tarOf([rebuilt[1] ?? tarInput("x")])).subarray(0, -1024)), "headers and all");
    assert.deepEqual(await tagsOf(at.path("a.tar")), ["v1", "v2"]);
  });

  test("the rewritten file has the old one's mode, and a link that leads to it stays a link", async () => {
    await using at = await scene();
    await archiveWith(at.path("real.tar"), first);
    await chmod(at.path("real.tar"), 0o640);
    await symlink("real.tar", at.path("link.tar"));
    await using store = await openArchive(at.path("link.tar"));
    await pushImage(store, second, ["v2"]);
    await store.commit();
    assert.deepEqual(await tagsOf(at.path("real.tar")), ["v1", "v2"]);
    assert.equal((await stat(at.path("real.tar"))).mode & 0o777, 0o640);
  });

  test("deletes are in what is written", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    await using store = await openArchive(at.path("a.tar"));
    await store.delete?.(first.manifest.descriptor, { kind: "manifest" });
    await store.commit();
    assert.deepEqual(await tagsOf(at.path("a.tar")), []);
    const { digest } = first.manifest.descriptor;
    assert.equal((await entriesOf(at.path("a.tar"))).has(`blobs/sha256/${digest.slice(7)}`), false);
  });

  test("a push repairs a damaged blob", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const [, layer] = first.blobs;
    assert.ok(layer);
    const raw = await readFile(at.path("a.tar"));
    raw[raw.indexOf(Buffer.from(layer.bytes))] = 0x21;
    await writeFile(at.path("a.tar"), raw);
    await using store = await openArchive(at.path("a.tar"));
    await failsWith(readAll(store.fetch(layer.descriptor, { kind: "blob" })), "DIGEST_INVALID");
    await pushBlob(store, layer);
    await store.commit();
    await using repaired = await openArchive(at.path("a.tar"));
    assert.deepEqual(await readAll(repaired.fetch(layer.descriptor, { kind: "blob" })), Buffer.from(layer.bytes));
  });

  test("a deep copy finds and repairs what is damaged, any other copy believes what is there", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const [, layer] = first.blobs;
    assert.ok(layer);
    const raw = await readFile(at.path("a.tar"));
    raw[raw.indexOf(Buffer.from(layer.bytes))] = 0x21;
    await writeFile(at.path("a.tar"), raw);
    await using source = await openLayout(at.path("layout"), { create: true });
    const descriptor = await pushImage(source, first, ["v1"]);
    for (const deep of [false, true]) {
      await using target = await openArchive(at.path("a.tar"));
      await copy({ source, target, roots: [{ descriptor, tags: ["v1"] }], deep });
      await target.commit();
      const whole = readAll(target.fetch(layer.descriptor, { kind: "blob" }));
      if (deep) assert.deepEqual(await whole, Buffer.from(layer.bytes));
      else await failsWith(whole, "DIGEST_INVALID");
    }
  });

  test("a whole graph goes in, and comes out of a compressed copy of the file", async () => {
    await using at = await scene();
    await using store = await openArchive(at.path("a.tar"), { create: true });
    const { root: subject } = await pushSampleGraph(store, "v1");
    await store.commit();
    await writeFile(at.path("b"), gzipSync(await readFile(at.path("a.tar"))));
    await using again = await openArchive(at.path("b"));
    const found = await toArray(again.referrers(subject));
    assert.ok(found.length > 0);
    assert.deepEqual(found, await toArray(store.referrers(subject)));
  });

  test("a layout lends its blobs", async () => {
    await using at = await scene();
    await using layout = await openLayout(at.path("layout"), { create: true });
    await pushImage(layout, first, ["v1"]);
    await using store = await openArchive(at.path("a.tar"), { create: true });
    for (const part of first.blobs) {
      assert.equal(await store.mount?.(part.descriptor, layout.location), "mounted");
    }
    await pushManifest(store, first.manifest, ["v1"]);
    await store.commit();
    await using read = await openArchive(at.path("a.tar"));
    const [, layer] = first.blobs;
    assert.ok(layer);
    assert.deepEqual(await readAll(read.fetch(layer.descriptor, { kind: "blob" })), Buffer.from(layer.bytes));
  });

  test("one that is opened for reading refuses every write", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    await using store = await openArchive(at.path("a.tar"), { readOnly: true });
    await failsWith(pushImage(store, second, ["v2"]), "UNSUPPORTED");
    await failsWith(store.update([{ tag: "v1", to: null }]), "UNSUPPORTED");
    assert.deepEqual(
      (await toArray(store.tags())).map(({ name }) => name),
      ["v1"],
    );
  });

  test("one that is missing is not found, a folder is none", async () => {
    await using at = await scene();
    await failsWith(openArchive(at.path("a.tar")), "NAME_UNKNOWN");
    await failsWith(openArchive(dirname(at.path("a.tar"))), "FILE_INVALID");
  });
});
