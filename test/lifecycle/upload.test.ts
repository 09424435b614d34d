import assert from "node:assert/strict";
import { lutimes, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { createHandler } from "../../src/server/handler.ts";
import { blob } from "../support/content.ts";
import { faultyDisk } from "../support/faulty-disk.ts";
import { send } from "../server/probe.ts";
import { HOUR, MEDIA, openScene, type Scene } from "./scene.ts";

async function uploadsOf(scene: Scene): Promise<string[]> {
  return await readdir(join(scene.directory, ".berth", "uploads"));
}

async function ageUpload(scene: Scene, id: string, milliseconds: number): Promise<void> {
  const time = (Date.now() - milliseconds) / 1000;
  await lutimes(join(scene.directory, ".berth", "uploads", id), time, time);
}

for (const medium of MEDIA) {
  describe(`uploads of a ${medium}`, () => {
    test("C31: those that nobody ends are thrown away after a day, unless somebody holds them", async () => {
      await using scene = await openScene(medium);
      const stage = scene.store.stage;
      assert.ok(stage);
      const ids: string[] = [];
      for (let at = 0; at < 20; at += 1) {
        await using upload = await stage({});
        await upload.append(fromBuffer(Buffer.from("half of it")), 0);
        ids.push(upload.id);
      }
      await using held = await stage({});
      for (const id of [...ids, held.id]) await ageUpload(scene, id, 25 * HOUR);
      const [young = ""] = ids;
      await ageUpload(scene, young, 23 * HOUR);
      const stale = (await fsckLayout(scene.directory)).findings.filter(({ code }) => code === "stale-upload");
      assert.equal(stale.length, 20, "fsck goes by the same rule, and cannot see who holds one");
      assert.deepEqual((await scene.gc({ dryRun: true })).uploads, 19);
      assert.equal((await uploadsOf(scene)).length, 21);
      const report = await scene.gc();
      assert.deepEqual([report.uploads, report.uploadBytes], [19, 190]);
      assert.deepEqual((await uploadsOf(scene)).toSorted(), [young, held.id].toSorted());
    });

    test("C28: a wrong digest leaves neither a blob nor what was staged", async () => {
      await using scene = await openScene(medium);
      await using handler = createHandler(scene.registry);
      const part = blob("something else");
      const opened = await send(handler, "POST", "/v2/app/blobs/uploads/");
      const wrong = `sha256:${"0".repeat(64)}`;
      const target = `${String(opened.headers["location"])}?digest=${wrong}`;
      const answer = await send(handler, "PUT", target, { body: part.bytes });
      assert.deepEqual([answer.status, answer.code], [400, "DIGEST_INVALID"]);
      assert.deepEqual(await uploadsOf(scene), []);
      assert.deepEqual(await scene.digests(), []);
      assert.equal((await send(handler, "GET", `/v2/app/blobs/${wrong}`)).status, 404);
    });
  });
}

test("on a full disk abandoned uploads make room, once for all who wait, and the write is done again", async () => {
  await using scene = await openScene("layout");
  const plain = new DirectoryBlobs(scene.directory);
  const abandoned: string[] = [];
  for (const minutes of [11, 9]) {
    await using upload = await plain.stage();
    await upload.append(fromBuffer(Buffer.from("abandoned")), 0);
    abandoned.push(upload.id);
    await upload[Symbol.asyncDispose]();
    await ageUpload(scene, upload.id, minutes * 60_000);
  }
  const disk = faultyDisk(nodeDisk, { at: 1, errno: "ENOSPC", only: "write" });
  const blobs = new DirectoryBlobs(scene.directory, { disk });
  const part = blob("needs room");
  await using upload = await blobs.stage();
  await upload.append(fromBuffer(Buffer.from(part.bytes)), 0);
  await upload.commit(part.descriptor.digest);
  assert.match(disk.failed ?? "", /^write /);
  assert.equal((await stat(scene.path(part.descriptor.digest))).size, part.bytes.length);
  assert.deepEqual(await uploadsOf(scene), [abandoned[1]]);
});

test("on a full disk without anything to give up the write fails as it did", async () => {
  await using scene = await openScene("layout");
  const disk = faultyDisk(nodeDisk, { at: 1, errno: "ENOSPC", only: "write" });
  const blobs = new DirectoryBlobs(scene.directory, { disk });
  await using upload = await blobs.stage();
  await assert.rejects(upload.append(fromBuffer(Buffer.from("needs room")), 0), { code: "NO_SPACE" });
  await upload.abort();
  assert.deepEqual(await uploadsOf(scene), []);
});
