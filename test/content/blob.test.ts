import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { copyBlob } from "../../src/content/copy-blob.ts";
import { diffBlobs } from "../../src/content/diff-blobs.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside as berth } from "../cli/inside.ts";
import { blob, json, type Piece, pushBlob, readAll } from "../support/content.ts";

async function tar(
  entries: readonly (readonly [Partial<Header> & { readonly name: string }, string?])[],
): Promise<Buffer> {
  const made = pack();
  for (const [header, content] of entries) made.entry({ mtime: new Date(0), ...header }, content ?? "");
  made.finalize();
  return readAll(made as AsyncIterable<Uint8Array>);
}

async function side(store: Store, piece: Piece, name: string) {
  await pushBlob(store, piece);
  return { source: store, descriptor: piece.descriptor, name };
}

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe("comparing blobs", () => {
  test("layers are lists of files, whatever their compression and times", async () => {
    await using store = createMemoryStore();
    const before = await tar([
      [{ name: "./etc/", type: "directory", mode: 0o755 }],
      [{ name: "etc/a", mode: 0o644 }, "one"],
      [{ name: "etc/b", mode: 0o644 }, "same"],
      [{ name: "gone", mode: 0o4755 }, ""],
      [{ name: "link", type: "symlink", linkname: "etc/a" }],
    ]);
    const after = await tar([
      [{ name: "etc", type: "directory", mode: 0o755, mtime: new Date(1e12) }],
      [{ name: "etc/b", mode: 0o644, mtime: new Date(1e12) }, "same"],
      [{ name: "etc/a", mode: 0o600 }, "two"],
      [{ name: "link", type: "symlink", linkname: "etc/b" }],
      [{ name: "new", mode: 0o644 }, "new"],
    ]);
    const found = await diffBlobs(
      await side(store, blob(gzipSync(before)), "one"),
      await side(store, blob(zstdCompressSync(after)), "other"),
    );
    assert.equal(
      found.diff,
      [
        "--- one",
        "+++ other",
        `--rw-r--r-- 0:0 3 ${digestOf("one")} etc/a`,
        `+-rw------- 0:0 3 ${digestOf("two")} etc/a`,
        `--rwxr-xr-x +4000 0:0 0 ${digestOf("")} gone`,
        "-lrwxrwxrwx 0:0 0 - link -> etc/a",
        "+lrwxrwxrwx 0:0 0 - link -> etc/b",
        `+-rw-r--r-- 0:0 3 ${digestOf("new")} new`,
        "",
      ].join("\n"),
    );
    assert.ok("added" in found);
    assert.deepEqual(
      found.added.map(({ path }) => path),
      ["new"],
    );
    const equal = await diffBlobs(await side(store, blob(before), "a"), await side(store, blob(gzipSync(before)), "b"));
    assert.deepEqual([equal.same, equal.diff], [false, ""]);
  });

  test("configurations are indented JSON; JSON and a layer cannot be compared", async () => {
    await using store = createMemoryStore();
    const one = await side(store, json({ os: "linux", architecture: "amd64" }, MediaType.ImageConfig), "one");
    const other = await side(store, json({ os: "linux", architecture: "arm64" }, MediaType.ImageConfig), "other");
    const { diff } = await diffBlobs(one, other, { context: 0 });
    assert.equal(diff, '--- one\n+++ other\n@@ -3,1 +3,1 @@\n-  "architecture": "amd64"\n+  "architecture": "arm64"\n');
    const layer = await side(store, blob(await tar([[{ name: "{" }, "x"]])), "layer");
    await assert.rejects(diffBlobs(one, layer), (error) => isOciError(error, "USAGE"));
    const neither = await side(store, blob("neither of both"), "neither");
    await assert.rejects(diffBlobs(layer, neither), (error) => isOciError(error, "ARCHIVE_INVALID"));
  });
});

test("a blob is linked between layouts, sent between media, and not copied where it is", async () => {
  await using folder = await workFolder();
  await using one = await openLayout(join(folder.path, "one"), { create: true });
  await using two = await openLayout(join(folder.path, "two"), { create: true });
  await using memory = createMemoryStore();
  const piece = blob("content");
  await pushBlob(one, piece);
  assert.equal(await copyBlob(piece.descriptor, { source: one, target: two }), "mounted");
  assert.equal(await copyBlob(piece.descriptor, { source: one, target: memory }), "sent");
  assert.equal(await copyBlob(piece.descriptor, { source: two, target: memory }), "existed");
  assert.deepEqual(await readAll(memory.fetch(piece.descriptor, { kind: "blob" })), Buffer.from("content"));
});

test("blob cp, diff and rm from the command line", async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  const put = await berth(["blob", "put", "./a", "-"], { cwd, input: '{"a":1}' });
  const digest = put.out.trim();
  const dry = await berth(["blob", "cp", `./a@${digest}`, "./b", "--dry-run"], { cwd });
  assert.equal(dry.out, `Would copy to ocidir://./b ${digest}\n`);
  const copied = await berth(["blob", "cp", `./a@${digest}`, "./b", "--json"], { cwd });
  assert.deepEqual(JSON.parse(copied.out), { digest, size: 7, way: "mounted" });
  const other = (await berth(["blob", "put", "./b", "-"], { cwd, input: '{"a":2}' })).out.trim();
  const diff = await berth(["blob", "diff", `./a@${digest}`, `./b@${other}`], { cwd });
  assert.match(diff.out, /\n- {2}"a": 1\n\+ {2}"a": 2\n/);
  assert.equal((await berth(["blob", "cp", "./a", "./b"], { cwd })).code, 2);
  assert.equal((await berth(["blob", "rm", `./a@${other}`], { cwd })).code, 3);
  assert.equal((await berth(["blob", "rm", `./a@${other}`, "--ignore-missing"], { cwd })).code, 0);
});
