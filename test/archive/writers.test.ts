import assert from "node:assert/strict";
import { copyFile, mkdir, utimes, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { describe, test } from "node:test";
import { openArchive } from "../../src/archive/open-archive.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { failsWith } from "../contract/context.ts";
import { image, pushImage, readAll } from "../support/content.ts";
import { faultyDisk } from "../support/faulty-disk.ts";
import { archiveWith, namesIn, scene, tagsOf } from "./scene.ts";

const first = image("one");
const second = image("two");

describe("an archive with several writers", () => {
  test("each finds what the others wrote and adds to it, also where there was none", async () => {
    await using at = await scene();
    const path = at.path("a.tar");
    const stores = await Promise.all(Array.from({ length: 8 }, () => openArchive(path, { create: true })));
    await Promise.all(stores.map((store, at_) => pushImage(store, image(`writer ${at_}`), [`t${at_}`])));
    await Promise.all(stores.map((store) => store.commit()));
    for (const store of stores) await store[Symbol.asyncDispose]();
    assert.deepEqual(await tagsOf(path), ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"]);
    await using store = await openArchive(path);
    for (const number of stores.keys()) {
      for (const part of image(`writer ${number}`).blobs) {
        assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
      }
    }
    assert.deepEqual(await namesIn(dirname(path)), ["a.tar"]);
  });

  test("a compare-and-swap holds against what is there when it is written", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    await using mine = await openArchive(at.path("a.tar"));
    await pushImage(mine, second);
    await mine.update([{ tag: "v1", to: second.manifest.descriptor, expect: first.manifest.descriptor.digest }]);
    await using theirs = await openArchive(at.path("a.tar"));
    await theirs.update([{ tag: "v1", to: null }]);
    await theirs.commit();
    await failsWith(mine.commit(), "CONFLICT");
    assert.deepEqual(await tagsOf(at.path("a.tar")), []);
  });

  test("what one relied on and another took away is in what it writes", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    await using mine = await openArchive(at.path("a.tar"));
    // All of it is there already: nothing is staged, only a tag changes.
    await pushImage(mine, first, ["again"]);
    await using theirs = await openArchive(at.path("a.tar"));
    await theirs.delete?.(first.manifest.descriptor, { kind: "manifest" });
    for (const part of first.blobs) await theirs.delete?.(part.descriptor, { kind: "blob" });
    await theirs.commit();
    await mine.commit();
    await using store = await openArchive(at.path("a.tar"));
    const descriptor = await store.resolve({ tag: "again" });
    assert.deepEqual(await readAll(store.fetch(descriptor)), Buffer.from(first.manifest.bytes));
    for (const part of first.blobs) {
      assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
    }
  });

  test("who waits too long for the lock is told", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const holder = await nodeDisk.open(at.path("a.tar"), "resume");
    assert.ok(await holder?.tryLock());
    await using store = await openArchive(at.path("a.tar"), { lockTimeout: 30 });
    await store.update([{ tag: "v2", to: first.manifest.descriptor }]);
    await failsWith(store.commit(), "LOCKED");
    await holder?.close();
    await store.commit();
    assert.deepEqual(await tagsOf(at.path("a.tar")), ["v1", "v2"]);
  });
});

describe("an archive whose writing fails", () => {
  test("is the old or the new one at every failing call, and nothing is left beside it", async () => {
    await using at = await scene();
    const unremoved: string[] = [];
    await archiveWith(at.path("prepared"), first);
    for (const there of [true, false]) {
      // Most calls are the same in both cases.
      for (let call = 1; ; call += there ? 1 : 4) {
        const path = at.path(`${there}-${call}`);
        if (there) await copyFile(at.path("prepared"), path);
        const disk = faultyDisk(nodeDisk, { at: call, errno: "EIO" });
        let failed = false;
        try {
          await using store = await openArchive(path, { create: true, disk });
          await pushImage(store, second, ["v2"]);
          await store.commit();
        } catch {
          failed = true;
        }
        if (disk.failed === undefined) break;
        // What cannot be removed stays, for the next writer to find.
        if (disk.failed.startsWith("unlink")) unremoved.push(`.${basename(path)}.`);
        const tags = (await nodeDisk.lstat(path)) ? await tagsOf(path) : ["absent"];
        const before = there ? "v1" : "absent";
        const after = there ? "v1,v2" : "v2";
        assert.ok([before, after].includes(tags.join()), `${disk.failed}: ${tags.join()}`);
        if (!failed) assert.equal(tags.join(), after, disk.failed);
      }
    }
    const left = (await namesIn(dirname(at.path("x")))).filter((name) => name.startsWith("."));
    assert.deepEqual(
      left.filter((name) => !unremoved.some((prefix) => name.startsWith(prefix))),
      [],
    );
  });

  test("what dead writers left beside it goes with the next write, what living ones have stays", async () => {
    await using at = await scene();
    await archiveWith(at.path("a.tar"), first);
    const [dead, living] = [".a.tar.0123456789abcdef.tmp", ".a.tar.123456789abcdef0.tmp"];
    await mkdir(at.path(".a.tar.23456789abcdef01.stage"));
    for (const name of [dead, living, ".a.tar.23456789abcdef01.stage/lock", ".a.tar.mine.tmp"]) {
      await writeFile(at.path(name), "");
      await utimes(at.path(name), 1, 1);
    }
    const holder = await nodeDisk.open(at.path(living), "resume");
    assert.ok(await holder?.tryLock());
    await using store = await openArchive(at.path("a.tar"));
    await store.update([{ tag: "v2", to: first.manifest.descriptor }]);
    await store.commit();
    assert.deepEqual(await namesIn(dirname(at.path("a.tar"))), [living, ".a.tar.mine.tmp", "a.tar"]);
    await holder?.close();
  });

  test("an interrupted one leaves nothing", async () => {
    await using at = await scene();
    const abort = new AbortController();
    {
      await using store = await openArchive(at.path("a.tar"), { create: true });
      await pushImage(store, second, ["v2"]);
      abort.abort(new Error("stop"));
      await assert.rejects(store.commit({ signal: abort.signal }), /stop/);
    }
    assert.deepEqual(await namesIn(dirname(at.path("a.tar"))), []);
  });
});
