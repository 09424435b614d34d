import assert from "node:assert/strict";
import { chmod, lstat, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { failsWith } from "../contract/context.ts";
import { readAll, toArray } from "../support/content.ts";

describe("blobs in a directory", () => {
  let base: string;
  let count = 0;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), "berth-blobs-"));
  });
  after(() => rm(base, { recursive: true }));

  async function fresh(): Promise<{ root: string; blobs: DirectoryBlobs }> {
    const root = join(base, `${(count += 1)}`);
    await nodeDisk.mkdir(root);
    return { root, blobs: new DirectoryBlobs(root) };
  }

  async function put(blobs: DirectoryBlobs, content: Uint8Array): Promise<Digest> {
    await using upload = await blobs.stage();
    await upload.append(fromBuffer(content), 0);
    return (await upload.commit(digestOf(content))).digest;
  }

  const staged = (root: string): Promise<string[]> => readdir(join(root, ".berth", "uploads"));
  const content = Buffer.from("content of a blob");

  test("are read-only files, and nothing else is left", async () => {
    const { root, blobs } = await fresh();
    const digest = await put(blobs, content);
    assert.equal((await lstat(blobs.path(digest))).mode & 0o777, 0o444);
    assert.deepEqual(await staged(root), []);
    const [listed] = await toArray(blobs.list());
    assert.equal(listed?.digest, digest);
    assert.equal(listed?.size, content.length);
    assert.ok(Math.abs(Date.now() - listed.touchedAt.getTime()) < 60_000);
  });

  test("an upload is resumed from the disk alone, as after a restart", async () => {
    const { root, blobs } = await fresh();
    const upload = await blobs.stage();
    await upload.append(fromBuffer(content.subarray(0, 7)), 0);
    await upload[Symbol.asyncDispose]();
    const restarted = new DirectoryBlobs(root);
    await using resumed = await restarted.resume(upload.id);
    assert.equal(resumed.offset, 7);
    await failsWith(resumed.append(fromBuffer(content), 6), "RANGE_INVALID");
    await resumed.append(fromBuffer(content.subarray(7)), 7);
    await resumed.commit(digestOf(content));
    assert.deepEqual(await readFile(blobs.path(digestOf(content))), content);
    await failsWith(restarted.resume(upload.id), "BLOB_UPLOAD_UNKNOWN");
    await failsWith(restarted.resume("../../index.json"), "BLOB_UPLOAD_UNKNOWN");
  });

  test("an upload has one writer", async () => {
    const { root, blobs } = await fresh();
    await using upload = await blobs.stage();
    await failsWith(blobs.resume(upload.id), "BLOB_UPLOAD_INVALID");
    await failsWith(new DirectoryBlobs(root).resume(upload.id), "BLOB_UPLOAD_INVALID");
    const gate = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Uint8Array> {
      await gate.promise;
      yield content;
    }
    const first = upload.append(slow(), 0);
    await failsWith(upload.append(fromBuffer(content), 0), "BLOB_UPLOAD_INVALID");
    gate.resolve();
    assert.equal(await first, content.length);
  });

  test("a digest of another algorithm than the staged one is computed at the end", async () => {
    const { blobs } = await fresh();
    await using upload = await blobs.stage({ algorithm: "sha256" });
    await upload.append(fromBuffer(content), 0);
    await upload.commit(digestOf(content, "sha512"));
    assert.deepEqual(await readFile(blobs.path(digestOf(content, "sha512"))), content);
  });

  test("a wrong digest leaves nothing behind", async () => {
    const { root, blobs } = await fresh();
    await using upload = await blobs.stage();
    await upload.append(fromBuffer(content), 0);
    await failsWith(upload.commit(digestOf(Buffer.from("other"))), "DIGEST_INVALID");
    assert.deepEqual(await staged(root), []);
    assert.deepEqual(await toArray(blobs.list()), []);
    await failsWith(upload.commit(digestOf(content)), "BLOB_UPLOAD_UNKNOWN");
  });

  test("old staged files of the dead are removed, young and locked ones stay", async () => {
    const { root, blobs } = await fresh();
    const held = await blobs.stage();
    const suspended = await blobs.stage();
    await suspended[Symbol.asyncDispose]();
    await writeFile(join(root, ".berth", "uploads", "not-ours"), "");
    const long = new Date(Date.now() - 100 * 60 * 60 * 1000);
    await utimes(join(root, ".berth", "uploads", "not-ours"), long, long);
    assert.equal(await blobs.staging.clean(60_000), 0);
    assert.equal(await blobs.staging.clean(0), 1);
    assert.deepEqual(await staged(root), [held.id, "not-ours"].toSorted());
    await held.abort();
  });

  test("a removed blob is gone, its directory stays", async () => {
    const { root, blobs } = await fresh();
    const digest = await put(blobs, content);
    await blobs.remove(digest);
    await blobs.remove(digest);
    assert.equal(await blobs.stat(digest), undefined);
    assert.deepEqual(await readdir(join(root, ".berth", "trash")), []);
  });

  test("a range beyond the end and an empty blob", async () => {
    const { blobs } = await fresh();
    const digest = await put(blobs, Buffer.alloc(0));
    await using opened = await blobs.open(digest);
    assert.equal((await readAll(opened.bytes())).length, 0);
    await failsWith(blobs.open(digest, { range: { start: 0 } }), "RANGE_INVALID");
  });

  test("content of several chunks, read in part and left early", async () => {
    const { blobs } = await fresh();
    const large = Buffer.alloc(5 * 1024 * 1024 + 3, "0123456789abcdef");
    const digest = await put(blobs, large);
    await using opened = await blobs.open(digest, { range: { start: 1_000_000, end: 3_500_000 } });
    assert.ok((await readAll(opened.bytes())).equals(large.subarray(1_000_000, 3_500_001)));
    await using again = await blobs.open(digest);
    for await (const chunk of again.bytes()) {
      assert.ok(chunk.length > 0);
      break;
    }
  });

  describe("taken from another directory", () => {
    test("are the same file where it is ours and read-only", async (t) => {
      const source = (await fresh()).blobs;
      const { root, blobs } = await fresh();
      const digest = await put(source, content);
      assert.equal(await blobs.link(digest, source), true);
      assert.equal(await blobs.link(digest, source), true);
      const [left, right] = [await lstat(source.path(digest)), await lstat(blobs.path(digest))];
      t.diagnostic(left.ino === right.ino ? "linked" : "cloned");
      assert.ok(left.ino === right.ino ? left.nlink === 2 : right.nlink === 1);
      assert.deepEqual(await staged(root), []);
    });

    test("are copied where somebody may write to them", async () => {
      const source = (await fresh()).blobs;
      const { blobs } = await fresh();
      const digest = await put(source, content);
      await chmod(source.path(digest), 0o644);
      assert.equal(await blobs.link(digest, source), true);
      assert.equal((await lstat(source.path(digest))).nlink, 1);
      assert.equal((await lstat(blobs.path(digest))).mode & 0o777, 0o444);
    });

    for (const mode of [0o444, 0o644]) {
      test(`are refused when they are damaged (mode ${mode.toString(8)})`, async () => {
        const source = (await fresh()).blobs;
        const { root, blobs } = await fresh();
        const digest = await put(source, content);
        await chmod(source.path(digest), 0o644);
        await writeFile(source.path(digest), "content of a blub");
        await chmod(source.path(digest), mode);
        await failsWith(blobs.link(digest, source), "DIGEST_INVALID");
        assert.equal(await blobs.stat(digest), undefined);
        assert.deepEqual(await staged(root), []);
      });
    }

    test("are unknown where they are absent", async () => {
      const { blobs } = await fresh();
      await failsWith(blobs.link(digestOf(content), (await fresh()).blobs), "BLOB_UNKNOWN");
    });
  });
});
