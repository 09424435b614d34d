import assert from "node:assert/strict";
import { chmod, open, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Depot } from "../../src/depot/depot.ts";
import type { DepotEvent } from "../../src/depot/event.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { algorithmOf, encodedOf } from "../../src/spec/digest.ts";
import { blob, image, pushBlob, pushImage, readAll } from "../support/content.ts";
import { faultyDisk } from "../support/faulty-disk.ts";
import { temporaryRoot } from "./scene.ts";

function fileOf(root: string, repository: string, { digest }: Descriptor): string {
  return join(root, repository, "blobs", algorithmOf(digest), encodedOf(digest));
}

async function inode(root: string, repository: string, descriptor: Descriptor): Promise<number> {
  return (await stat(fileOf(root, repository, descriptor))).ino;
}

/** Damages a file without changing its size, as a bad disk does. */
async function flip(path: string): Promise<void> {
  await chmod(path, 0o644);
  const file = await open(path, "r+");
  const { size } = await file.stat();
  await file.write(Buffer.from([0]), 0, 1, size - 1);
  await file.close();
  await chmod(path, 0o444);
}

async function content(depot: Depot, repository: string, descriptor: Descriptor): Promise<string> {
  const store = await depot.repository(repository);
  return (await readAll(store.fetch(descriptor, { kind: "blob" }))).toString("latin1");
}

describe("equal blobs of a depot", () => {
  test("become one file, also large ones and manifests, and stay what they are", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const large = Buffer.alloc(1_500_000);
    for (let at = 0; at < large.length; at += 1) large[at] = (at * 7) & 0xff;
    const parts = [blob(large), blob(""), blob("small"), blob("of another algorithm", "sha512")];
    for (const name of ["a", "b", "c"]) {
      const store = await depot.repository(name);
      for (const part of parts) await pushBlob(store, part);
      await pushImage(store, image("same"), ["v1"]);
      await depot.settle();
    }
    for (const { descriptor, bytes } of [...parts, image("same").manifest]) {
      const inodes = await Promise.all(["a", "b", "c"].map((name) => inode(root, name, descriptor)));
      assert.equal(new Set(inodes).size, 1, descriptor.digest);
      assert.equal(await content(depot, "b", descriptor), Buffer.from(bytes).toString("latin1"));
    }
  });

  test("become one file when they come at the same time", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const part = blob("pushed everywhere at once");
    const names = Array.from({ length: 12 }, (_, at) => `r${at}`);
    await Promise.all(names.map(async (name) => pushBlob(await depot.repository(name), part)));
    await depot.settle();
    const inodes = await Promise.all(names.map((name) => inode(root, name, part.descriptor)));
    assert.equal(new Set(inodes).size, 1);
  });

  test("do so by themselves, when nobody waits for it", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const part = blob("sooner or later");
    for (const name of ["a", "b"]) await pushBlob(await depot.repository(name), part);
    while ((await inode(root, "a", part.descriptor)) !== (await inode(root, "b", part.descriptor))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });

  test("keep files of their own where one of them can be written to", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const part = blob("somebody may write to it");
    await pushBlob(await depot.repository("a"), part);
    await chmod(fileOf(root, "a", part.descriptor), 0o644);
    await pushBlob(await depot.repository("b"), part);
    await depot.settle();
    assert.notEqual(await inode(root, "a", part.descriptor), await inode(root, "b", part.descriptor));
  });

  test("repair one that is damaged, in every repository that shares it", async (t) => {
    const root = await temporaryRoot(t);
    const events: DepotEvent[] = [];
    await using depot = await openDepot(root, { onEvent: (event) => void events.push(event) });
    const part = blob("whole in the end");
    const damaged = ["a", "c", "d"];
    for (const name of damaged) await pushBlob(await depot.repository(name), part);
    await depot.settle();
    await flip(fileOf(root, "a", part.descriptor));
    for (const name of damaged) await assert.rejects(content(depot, name, part.descriptor));
    await pushBlob(await depot.repository("b"), part);
    await depot.settle();
    assert.deepEqual(events.map((event) => (event.type === "repaired" ? event.repository : event)).toSorted(), damaged);
    for (const name of damaged) {
      assert.equal(await content(depot, name, part.descriptor), "whole in the end");
      assert.equal(await inode(root, name, part.descriptor), await inode(root, "b", part.descriptor));
    }
  });

  test("do not make one appear where it went meanwhile", async (t) => {
    const root = await temporaryRoot(t);
    const gone = blob("deleted before its turn");
    // The delete happens between the look at the file and its replacement.
    let hook: (() => Promise<void>) | undefined;
    const disk = {
      ...nodeDisk,
      link: async (source: string, target: string): Promise<boolean> => {
        const linked = await nodeDisk.link(source, target);
        await hook?.();
        return linked;
      },
    };
    await using depot = await openDepot(root, { disk });
    const [a, b] = [await depot.repository("a"), await depot.repository("b")];
    await pushBlob(a, gone);
    await depot.settle();
    let deleted = 0;
    hook = async () => {
      hook = undefined;
      deleted += 1;
      await b.delete?.(gone.descriptor, { kind: "blob" });
    };
    await pushBlob(b, gone);
    await depot.settle();
    assert.equal(deleted, 1);
    await assert.rejects(stat(fileOf(root, "b", gone.descriptor)), { code: "ENOENT" });
    assert.equal(await content(depot, "a", gone.descriptor), "deleted before its turn");
  });

  test("are no trouble when their files went without a word, and are found again later", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const part = blob("a hint that is wrong");
    await pushBlob(await depot.repository("a"), part);
    await depot.settle();
    await unlink(fileOf(root, "a", part.descriptor));
    await pushBlob(await depot.repository("b"), part);
    await depot.settle();
    const holders: string[] = [];
    for await (const name of depot.holders(part.descriptor.digest)) holders.push(name);
    assert.deepEqual(holders, ["b"]);
    await pushBlob(await depot.repository("a"), part);
    await depot.settle();
    assert.equal(await inode(root, "a", part.descriptor), await inode(root, "b", part.descriptor));
  });

  test("never fail a push: what goes wrong behind it is told, and the next one is done", async (t) => {
    const root = await temporaryRoot(t);
    const events: DepotEvent[] = [];
    let broken = false;
    const faulty = faultyDisk(nodeDisk, { at: 1, errno: "EIO", forever: true });
    const disk = {
      ...nodeDisk,
      link: (source: string, target: string): Promise<boolean> => (broken ? faulty : nodeDisk).link(source, target),
    };
    await using depot = await openDepot(root, { disk, onEvent: (event) => void events.push(event) });
    const [first, second] = [blob("first"), blob("second")];
    for (const part of [first, second]) await pushBlob(await depot.repository("a"), part);
    await depot.settle();
    broken = true;
    await pushBlob(await depot.repository("b"), first);
    await depot.settle();
    broken = false;
    assert.deepEqual(
      events.map(({ type }) => type),
      ["deduplication-failed"],
    );
    await pushBlob(await depot.repository("b"), second);
    await depot.settle();
    assert.equal(await content(depot, "b", first.descriptor), "first");
    assert.equal(await inode(root, "a", second.descriptor), await inode(root, "b", second.descriptor));
  });

  test("that are being compared do not keep a depot from closing", async (t) => {
    const root = await temporaryRoot(t);
    const part = blob(Buffer.alloc(20_000_000, 7));
    {
      await using depot = await openDepot(root);
      for (const name of ["a", "b"]) await pushBlob(await depot.repository(name), part);
    }
    await using depot = await openDepot(root);
    assert.equal((await content(depot, "b", part.descriptor)).length, 20_000_000);
  });
});
