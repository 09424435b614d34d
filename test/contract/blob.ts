import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { blob, pushBlob, readAll, sourceOf } from "../support/content.ts";
import { type Context, failsWith } from "./context.ts";

/** Blobs: whole or absent, verified at both doors. */
export function blobContract({ open, traits }: Context): void {
  test("a pushed blob comes back to the byte", async () => {
    const store = await open();
    const part = blob("some bytes");
    const first = await store.push(part.descriptor, sourceOf(part.bytes), { kind: "blob" });
    assert.equal(first.existed, false);
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), true);
    assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
    const again = await store.push(part.descriptor, sourceOf(part.bytes), { kind: "blob" });
    assert.equal(again.existed, true);
  });

  test("an empty blob and a large one", async () => {
    const store = await open();
    const large = Buffer.alloc(3_000_001);
    for (let at = 0; at < large.length; at += 1) large[at] = (at * 31) & 0xff;
    for (const part of [blob(""), blob(large)]) {
      await pushBlob(store, part);
      assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
    }
  });

  test("sha512 content keeps its own digest", { skip: !traits.sha512 }, async () => {
    const store = await open();
    const part = blob("sixty-four bytes of digest", "sha512");
    await pushBlob(store, part);
    assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
    assert.equal(await store.exists(blob("sixty-four bytes of digest").descriptor, { kind: "blob" }), false);
  });

  test("a blob that is not there is unknown", async () => {
    const store = await open();
    const { descriptor } = blob("never pushed");
    assert.equal(await store.exists(descriptor, { kind: "blob" }), false);
    await failsWith(store.resolve({ digest: descriptor.digest }, { kind: "blob" }), "BLOB_UNKNOWN", "NAME_UNKNOWN");
    await failsWith(readAll(store.fetch(descriptor, { kind: "blob" })), "BLOB_UNKNOWN", "NAME_UNKNOWN");
  });

  test("resolving a blob tells its size", async () => {
    const store = await open();
    const part = blob("twelve bytes");
    await pushBlob(store, part);
    const found = await store.resolve({ digest: part.descriptor.digest }, { kind: "blob" });
    assert.equal(found.size, 12);
    assert.equal(found.digest, part.descriptor.digest);
  });

  const wrong: readonly [string, (descriptor: Descriptor) => Descriptor, string][] = [
    ["wrong bytes", (descriptor) => descriptor, "other bytes!"],
    ["too few bytes", (descriptor) => descriptor, "twelve"],
    ["too many bytes", (descriptor) => descriptor, "twelve bytes and more"],
    ["a wrong size", (descriptor) => ({ ...descriptor, size: 5 }), "twelve bytes"],
  ];
  for (const [what, alter, content] of wrong) {
    test(`${what} are refused and leave nothing`, async () => {
      const store = await open();
      const { descriptor } = blob("twelve bytes");
      const given = alter(descriptor);
      const push = store.push(given, sourceOf(Buffer.from(content)), { kind: "blob" });
      await failsWith(push, "DIGEST_INVALID", "SIZE_INVALID");
      assert.equal(await store.exists(descriptor, { kind: "blob" }), false);
    });
  }

  test("a source that breaks leaves nothing, and the next push succeeds", async () => {
    const store = await open();
    const part = blob("whole in the end");
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("whole");
      throw new Error("The cable was pulled");
    };
    await assert.rejects(store.push(part.descriptor, broken, { kind: "blob" }));
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), false);
    await pushBlob(store, part);
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), true);
  });

  test("ranges are read as asked", async () => {
    const store = await open();
    const part = blob("0123456789");
    await pushBlob(store, part);
    const ranges: readonly [{ start: number; end?: number }, string][] = [
      [{ start: 0, end: 0 }, "0"],
      [{ start: 3, end: 5 }, "345"],
      [{ start: 7 }, "789"],
      [{ start: 8, end: 50 }, "89"],
    ];
    for (const [range, expected] of ranges) {
      await using content = await store.open(part.descriptor, { kind: "blob", range });
      assert.equal(content.size, 10);
      assert.equal((await readAll(content.bytes())).toString(), expected);
    }
    const beyond = async (): Promise<void> => {
      await using content = await store.open(part.descriptor, { kind: "blob", range: { start: 10 } });
      await readAll(content.bytes());
    };
    await failsWith(beyond(), "RANGE_INVALID");
  });

  test("fetching from an offset gives the rest", async () => {
    const store = await open();
    const part = blob("0123456789");
    await pushBlob(store, part);
    assert.equal((await readAll(store.fetch(part.descriptor, { kind: "blob", offset: 4 }))).toString(), "456789");
  });

  test("forty pushes of one blob at once all succeed", async () => {
    const store = await open();
    const part = blob("wanted by everybody");
    await Promise.all(Array.from({ length: 40 }, () => pushBlob(store, part)));
    assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
  });

  test("an upload goes on where it was suspended", { skip: !traits.resume }, async () => {
    const store = await open();
    const part = blob("first half, second half");
    assert.ok(store.stage && store.resume);
    let id: string;
    {
      await using upload = await store.stage();
      ({ id } = upload);
      assert.equal(await upload.append(fromBuffer(Buffer.from(part.bytes.subarray(0, 11))), 0), 11);
    }
    await using upload = await store.resume(id);
    assert.equal(upload.offset, 11);
    await failsWith(upload.append(fromBuffer(Buffer.from("x")), 5), "RANGE_INVALID");
    await upload.append(fromBuffer(Buffer.from(part.bytes.subarray(11))), 11);
    await upload.commit(part.descriptor.digest);
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), true);
    await failsWith(store.resume(id), "BLOB_UPLOAD_UNKNOWN");
  });

  test("an upload aborted or closed with a wrong digest is gone", { skip: !traits.resume }, async () => {
    const store = await open();
    const part = blob("not what was promised");
    assert.ok(store.stage && store.resume);
    const aborted = await store.stage();
    await aborted.append(fromBuffer(Buffer.from("abc")), 0);
    await aborted.abort();
    await failsWith(store.resume(aborted.id), "BLOB_UPLOAD_UNKNOWN");
    const wrongly = await store.stage();
    await wrongly.append(fromBuffer(Buffer.from("abc")), 0);
    await failsWith(wrongly.commit(part.descriptor.digest), "DIGEST_INVALID");
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), false);
  });

  test("a deleted blob is gone, and can come back", { skip: !traits.remove }, async () => {
    const store = await open();
    const part = blob("here today");
    await pushBlob(store, part);
    assert.ok(store.delete);
    await store.delete(part.descriptor, { kind: "blob" });
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), false);
    await failsWith(store.delete(part.descriptor, { kind: "blob" }), "BLOB_UNKNOWN", "NAME_UNKNOWN");
    await pushBlob(store, part);
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), true);
  });

  test("an aborted signal stops a push and leaves nothing", async () => {
    const store = await open();
    const part = blob("stopped half way");
    const stop = new AbortController();
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(part.bytes.subarray(0, 4));
      stop.abort(new Error("Enough"));
      yield Buffer.from(part.bytes.subarray(4));
    };
    await assert.rejects(store.push(part.descriptor, slow, { kind: "blob", signal: stop.signal }));
    assert.equal(await store.exists(part.descriptor, { kind: "blob" }), false);
  });
}
