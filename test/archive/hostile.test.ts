import assert from "node:assert/strict";
import { open as openFile, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openArchive } from "../../src/archive/open-archive.ts";
import { spool } from "../../src/archive/spool.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { copy } from "../../src/transfer/copy.ts";
import { failsWith } from "../contract/context.ts";
import { image, pushImage, readAll } from "../support/content.ts";
import { rawHeader } from "../tar/raw-header.ts";
import { END, harmless, refused, sound, soundLayout } from "./hostile-corpus.ts";
import { tagsOf, tarInput, tarOf } from "./scene.ts";
import { codeOf, watched } from "./watched.ts";

describe("a layout in a tar with a hostile entry beside it", () => {
  for (const name of Object.keys(harmless("/"))) {
    test(`${name}: read, changed and copied out, and nothing outside is touched`, async () => {
      await using at = await watched();
      const extra = harmless(at.outside)[name] ?? Buffer.alloc(0);
      const path = at.path("a.tar");
      await writeFile(path, Buffer.concat([await soundLayout(), extra, END]));
      await using store = await openArchive(path);
      await using layout = await openLayout(at.path("out"), { create: true });
      const descriptor = await store.resolve({ tag: "v1" });
      await copy({ source: store, target: layout, roots: [{ descriptor, tags: ["v1"] }] });
      for (const part of sound.blobs) {
        assert.deepEqual(await readAll(layout.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
      }
      await pushImage(store, image("added"), ["v2"]);
      await store.commit();
      assert.deepEqual(await tagsOf(path), ["v1", "v2"]);
      assert.ok((await readFile(path)).includes(extra), "foreign entries stay as they are");
      await at.check();
      await store[Symbol.asyncDispose]();
      assert.deepEqual((await readdir(at.path("."))).toSorted(), ["a.tar", "out"]);
    });
  }

  test("a blob that is no regular file is damaged, never followed", async () => {
    await using at = await watched();
    const zeros = `sha256:${"0".repeat(64)}`;
    for (const name of ["a blob that is a link to a secret", "a blob that is a device"]) {
      await writeFile(
        at.path("a.tar"),
        Buffer.concat([await soundLayout(), harmless(at.outside)[name] ?? Buffer.alloc(0), END]),
      );
      await using store = await openArchive(at.path("a.tar"));
      const descriptor = { ...sound.manifest.descriptor, digest: zeros as never };
      await failsWith(store.open(descriptor, { kind: "blob" }), "CONTENT_DAMAGED");
    }
    await at.check();
  });
});

describe("an archive that cannot be trusted", () => {
  for (const [name, { extra, end }] of Object.entries(refused())) {
    test(`${name}: refused, plain and compressed, and left as it is`, async () => {
      await using at = await watched();
      const bytes = Buffer.concat([await soundLayout(), extra, end ?? END]);
      for (const [file, content] of [
        ["a.tar", bytes],
        ["a.tar.gz", gzipSync(bytes)],
        ["a.tar.zst", zstdCompressSync(bytes)],
      ] as const) {
        await writeFile(at.path(file), content);
        await assert.rejects(openArchive(at.path(file), { create: true }), (error) => {
          assert.ok(["ARCHIVE_INVALID", "LIMIT_EXCEEDED"].includes(codeOf(error)), String(error));
          return true;
        });
        assert.deepEqual(await readFile(at.path(file)), content);
      }
      await at.check();
      assert.deepEqual((await readdir(at.path("."))).toSorted(), ["a.tar", "a.tar.gz", "a.tar.zst"]);
    });
  }

  test("truncated or damaged compression, or something behind it", async () => {
    await using at = await watched();
    const whole = Buffer.concat([await soundLayout(), END]);
    const [gz, zst] = [gzipSync(whole), zstdCompressSync(whole)];
    for (const bytes of [
      gz.subarray(0, -9),
      gz.subarray(0, gz.length >> 1),
      Buffer.concat([gz, Buffer.from("trailing garbage")]),
      Buffer.from(gz.map((byte, index) => (index === gz.length >> 1 ? byte ^ 0xff : byte))),
      zst.subarray(0, -5),
      Buffer.concat([zst, Buffer.from("trailing garbage")]),
      gzipSync(gz),
      gz.subarray(0, 2),
      zst.subarray(0, 4),
      Buffer.alloc(0),
      Buffer.from("not an archive at all"),
    ]) {
      await writeFile(at.path("a.tar.gz"), bytes);
      await failsWith(openArchive(at.path("a.tar.gz")), "ARCHIVE_INVALID");
    }
  });

  test("a bomb stops at the cap, and nothing of it stays on the disk", async () => {
    await using at = await watched();
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await writeFile(at.path("a.tar.gz"), bomb);
    await failsWith(openArchive(at.path("a.tar.gz"), { spoolLimit: 1024 * 1024 }), "LIMIT_EXCEEDED");
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(65_536, 1);
    }
    await failsWith(spool(nodeDisk, endless(), { what: "archive", limit: 2_000_000 }), "LIMIT_EXCEEDED");
    await at.check();
    assert.deepEqual(await readdir(at.path(".")), ["a.tar.gz"]);
  });

  test("zeros without end behind its end are not read to their end", async () => {
    await using at = await watched();
    await writeFile(at.path("a.tar"), Buffer.concat([await soundLayout(), END]));
    await truncate(at.path("a.tar"), 2 ** 42).catch(() => truncate(at.path("a.tar"), 2 ** 33));
    await failsWith(openArchive(at.path("a.tar")), "ARCHIVE_INVALID");
  });

  test("an index.json of a million entries, or of a gigabyte", async () => {
    await using at = await watched();
    const annotations = { "org.opencontainers.image.ref.name": "tag" };
    const digest = `sha256:${"a".repeat(64)}`;
    const entry = JSON.stringify({ mediaType: MediaType.ImageManifest, digest, size: 500, annotations });
    for (const size of [entry.length * 1_000_000, 2 ** 30]) {
      const marker = await tarOf([tarInput("oci-layout", '{"imageLayoutVersion":"1.0.0"}')]);
      const header = rawHeader({
        name: "index.json",
        mode: 0o644,
        uid: 0,
        gid: 0,
        size,
        modifiedAt: 0,
        flag: "0",
        linkName: "",
        userName: "",
        groupName: "",
      });
      await using file = await openFile(at.path("a.tar"), "w");
      const head = Buffer.concat([marker.subarray(0, -1024), header]);
      await file.write(head, 0, head.length, 0);
      await file.truncate(Math.ceil((head.length + size + 1024) / 512) * 512);
      await failsWith(openArchive(at.path("a.tar")), "LIMIT_EXCEEDED");
    }
  });

  test("an index.json or oci-layout that is a link, a folder, or says nonsense", async () => {
    await using at = await watched();
    const marker = tarInput("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
    const index = tarInput("index.json", '{"schemaVersion":2,"manifests":[]}');
    const link = { type: "symlink", linkPath: join(at.outside, "file") } as const;
    for (const inputs of [
      [marker],
      [marker, tarInput("index.json", "", link)],
      [marker, tarInput("index.json", "", { type: "directory" })],
      [marker, tarInput("index.json", "[]")],
      [marker, tarInput("index.json", "[".repeat(100_000))],
      [marker, tarInput("index.json", '{"schemaVersion":2,"manifests":[{"digest":"sha256:../../x"}]}')],
      [tarInput("oci-layout", "", link), index],
      [tarInput("oci-layout", '{"imageLayoutVersion":"2.0.0"}'), index],
      [tarInput("oci-layout", "x".repeat(5000)), index],
      [index],
    ]) {
      await writeFile(at.path("a.tar"), await tarOf(inputs));
      await assert.rejects(openArchive(at.path("a.tar")), (error) => {
        assert.ok(["ARCHIVE_INVALID", "LAYOUT_INVALID", "LIMIT_EXCEEDED"].includes(codeOf(error)), String(error));
        return true;
      });
    }
    await at.check();
  });

  test("a blob with another content than its name says is an error where it is read, and never arrives", async () => {
    await using at = await watched();
    const layout = await soundLayout();
    const [, layer] = sound.blobs;
    assert.ok(layer);
    layout[layout.indexOf(Buffer.from(layer.bytes))] = 0x21;
    await writeFile(at.path("a.tar"), Buffer.concat([layout, END]));
    await using store = await openArchive(at.path("a.tar"));
    await using target = await openLayout(at.path("out"), { create: true });
    const descriptor = await store.resolve({ tag: "v1" });
    await failsWith(copy({ source: store, target, roots: [{ descriptor, tags: ["v1"] }] }), "DIGEST_INVALID");
    await failsWith(target.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN");
    assert.equal(await target.exists(layer.descriptor, { kind: "blob" }), false);
  });
});
