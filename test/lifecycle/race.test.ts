import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { DirectoryUpkeep } from "../../src/blobs/directory-upkeep.ts";
import { blockingDisk } from "../../src/disk/blocking-disk.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { openLayoutUpkeep } from "../../src/layout/upkeep.ts";
import { collectGarbage } from "../../src/lifecycle/collect-garbage.ts";
import { createHandler } from "../../src/server/handler.ts";
import { serve } from "../../src/server/serve.ts";
import { blob, image, pushBlob, pushImage, pushManifest, sourceOf } from "../support/content.ts";
import { type Fault, faultyDisk } from "../support/faulty-disk.ts";
import { send } from "../server/probe.ts";
import { intercept } from "./intercept.ts";
import { MEDIA, openScene, type Scene } from "./scene.ts";
import { quickFolder } from "../support/quick-folder.ts";

for (const medium of MEDIA) {
  describe(`garbage collection of a ${medium} beside pushes`, () => {
    test("F63: what a HEAD has found is there for a grace: the push that left it out succeeds", async () => {
      await using scene = await openScene(medium);
      await using handler = createHandler(scene.registry);
      const parts = image("app");
      for (const part of parts.blobs) await pushBlob(scene.store, part);
      await scene.age();
      for (const { descriptor } of parts.blobs) {
        const { status } = await send(handler, "HEAD", `/v2/app/blobs/${descriptor.digest}`);
        assert.equal(status, 200);
      }
      assert.equal((await scene.gc()).removed, 0);
      await pushManifest(scene.store, parts.manifest, ["v1"]);
      await scene.age();
      assert.equal((await scene.gc()).removed, 0);
    });

    test("F63: without a HEAD it is gone, the push says what is missing, and works once that came again", async () => {
      await using scene = await openScene(medium);
      await using handler = createHandler(scene.registry);
      const parts = image("app");
      for (const part of parts.blobs) await pushBlob(scene.store, part);
      await scene.age();
      assert.equal((await scene.gc()).removed, 2);
      const put = await send(handler, "PUT", "/v2/app/manifests/v1", {
        headers: { "content-type": parts.manifest.descriptor.mediaType },
        body: parts.manifest.bytes,
      });
      assert.deepEqual([put.status, put.code], [404, "MANIFEST_BLOB_UNKNOWN"]);
      await pushImage(scene.store, parts, ["v1"]);
      assert.equal((await fsckOf(scene)).clean, true);
    });

    test("a read-only server leases nothing, and a GET neither", async () => {
      await using scene = await openScene(medium);
      const part = blob("read only");
      await pushBlob(scene.store, part);
      await scene.age();
      await using reading = createHandler(scene.registry, { readOnly: true });
      await using writing = createHandler(scene.registry);
      await send(reading, "HEAD", `/v2/app/blobs/${part.descriptor.digest}`);
      await send(writing, "GET", `/v2/app/blobs/${part.descriptor.digest}`);
      assert.equal((await scene.gc()).removed, 1);
    });

    test("F64: a lease taken after the marking holds; one that comes after the move to the trash finds nothing", async () => {
      await using scene = await openScene(medium);
      const [early, late] = [blob("leased before the move"), blob("asked for after the move")];
      for (const part of [early, late]) await pushBlob(scene.store, part);
      await scene.age();
      await using upkeep = await scene.openUpkeep();
      const found: boolean[] = [];
      const ask = async (part: typeof early): Promise<void> => {
        found.push(await scene.store.exists(part.descriptor, { kind: "blob", lease: true }));
      };
      const watched = intercept(upkeep, {
        content: ({ content }) => ({
          async discard(digest) {
            if (digest === early.descriptor.digest) await ask(early);
            const moved = await content.discard(digest);
            if (digest === late.descriptor.digest) await ask(late);
            return moved;
          },
        }),
      });
      const report = await collectGarbage(watched);
      assert.deepEqual(found.toSorted(), [false, true]);
      assert.deepEqual([report.removed, report.restored], [1, 1]);
      assert.equal(await scene.has(early.descriptor.digest), true);
      assert.equal(await scene.has(late.descriptor.digest), false);
    });

    test("what was named after the marking is kept, also when no lease told of it", async () => {
      await using scene = await openScene(medium);
      const parts = image("named late");
      for (const part of parts.blobs) await pushBlob(scene.store, part);
      await scene.age();
      await using upkeep = await scene.openUpkeep();
      let isNamed = false;
      const watched = intercept(upkeep, {
        content: ({ content }) => ({
          async discard(digest) {
            if (!isNamed) {
              isNamed = true;
              await pushManifest(scene.store, parts.manifest, ["late"]);
              await scene.age();
            }
            return await content.discard(digest);
          },
        }),
      });
      const report = await collectGarbage(watched);
      assert.equal(report.removed, 0);
      for (const part of [parts.manifest, ...parts.blobs]) assert.ok(await scene.has(part.descriptor.digest));
    });

    test("F68: what is deleted while it lies in the trash, or on its way there, is gone for good", async () => {
      await using scene = await openScene(medium);
      const [moved, moving] = [blob("deleted in the trash"), blob("deleted on the way")];
      for (const part of [moved, moving]) await pushBlob(scene.store, part);
      const plain = new DirectoryBlobs(scene.directory);
      const sweeper = new DirectoryUpkeep(scene.directory, plain);
      await sweeper.discard(moved.descriptor.digest);
      await plain.remove(moved.descriptor.digest);
      const { digest } = moving.descriptor;
      const rename: Disk["rename"] = async (source, target) => {
        if (source === scene.path(digest)) await sweeper.discard(digest);
        await nodeDisk.rename(source, target);
      };
      await new DirectoryBlobs(scene.directory, { disk: { ...nodeDisk, rename } }).remove(digest);
      for (const { descriptor } of [moved, moving]) {
        await sweeper.restore(descriptor.digest);
        assert.equal(await scene.has(descriptor.digest), false);
      }
      assert.deepEqual(await readdir(join(scene.directory, ".berth", "trash")), []);
    });

    test("what came again while it lay in the trash stays what came", async () => {
      await using scene = await openScene(medium);
      const part = blob("pushed again");
      await pushBlob(scene.store, part);
      await scene.age();
      await using upkeep = await scene.openUpkeep();
      const watched = intercept(upkeep, {
        content: ({ content }) => ({
          async *trashed() {
            await pushBlob(scene.store, part);
            yield* content.trashed();
          },
        }),
      });
      assert.equal((await collectGarbage(watched)).removed, 1);
      assert.equal(await scene.has(part.descriptor.digest), true);
    });
  });
}

async function fsckOf(scene: Scene): ReturnType<typeof fsckLayout> {
  await scene.registry[Symbol.asyncDispose]();
  return await fsckLayout(scene.directory);
}

test("F64: what was mounted from a repository survives there whatever becomes of it at its origin", async () => {
  await using scene = await openScene("depot");
  const part = blob("shared");
  await pushBlob(scene.store, part);
  await scene.age();
  const other = await scene.registry.repository("other");
  const config = image("other");
  assert.equal(await other.mount?.(part.descriptor, scene.store.location), "mounted");
  // The two are one file: a lease on the one is a lease on the other.
  assert.equal((await scene.gc()).removed, 0);
  await pushImage(other, config, ["v1"]);
  await scene.store.delete?.(part.descriptor, { kind: "blob" });
  assert.equal((await scene.gc()).removed, 0);
  assert.equal(await other.exists(part.descriptor, { kind: "blob" }), true);
  assert.equal(await scene.store.exists(part.descriptor, { kind: "blob" }), false);
});

test("F65: streams of a blob that is deleted and collected meanwhile come to their end, whole", async () => {
  await using scene = await openScene("depot");
  const big = blob(Buffer.alloc(8 * 1024 * 1024, "abcdefg"));
  await pushBlob(scene.store, big);
  const server = await serve({ registry: scene.registry });
  try {
    const url = `${server.url}/v2/app/blobs/${big.descriptor.digest}`;
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
    await scene.age();
    assert.equal((await scene.gc()).removed, 1);
    for (const answer of answers) {
      const bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(Buffer.compare(bytes, big.bytes), 0);
    }
    assert.equal((await fetch(url)).status, 404);
  } finally {
    await server.close(0);
  }
});

describe("F67: garbage collection that is cut short", () => {
  let base: string;
  const kept = image("kept");
  const moved = image("moved on");
  before(async () => {
    base = await mkdtemp(join(quickFolder(), "berth-cut-"));
    const store = await openLayout(join(base, "template"), { create: true });
    await pushImage(store, moved, ["v1"]);
    await pushImage(store, kept, ["v1"]);
    for (const name of ["a", "b"]) await pushBlob(store, blob(name));
  });
  after(() => rm(base, { recursive: true }));

  for (const fault of [{ errno: "EIO", dead: true }, { errno: "EIO" }, { errno: "ENOSPC", forever: true }] as const) {
    test(`${fault.errno}${"dead" in fault ? ", and the process dies," : ""} at every call: run again it comes to the same end`, async () => {
      let at = 1;
      while (await cutShort({ ...fault, at })) at += 1;
      assert.ok(at > ("forever" in fault ? 3 : 20), `only ${at - 1} calls were made`);
    });
  }

  async function cutShort(fault: Fault): Promise<boolean> {
    const root = join(base, `${fault.errno}-${fault.dead ?? false}-${fault.at}`);
    await cp(join(base, "template"), root, { recursive: true });
    const disk = faultyDisk(blockingDisk, fault);
    const what = (): string => `${fault.errno} at call ${fault.at}: ${disk.failed ?? "none"}`;
    try {
      await collectGarbage(await openLayoutUpkeep(root, { disk }), { grace: -1000, untagged: true });
    } catch (error) {
      // A dead disk fails the closing of a file as well.
      let first: unknown = error;
      while (first instanceof SuppressedError) first = first.suppressed;
      assert.ok(isOciError(first, "IO", "NO_SPACE"), `${what()}: ${String(error)}`);
    }
    await disk.abandon();
    assert.equal((await fsckLayout(root)).clean, true, what());
    const report = await collectGarbage(await openLayoutUpkeep(root), { grace: -1000, untagged: true });
    assert.deepEqual(report.kept, [], what());
    assert.deepEqual((await fsckLayout(root)).findings, [], what());
    const store = await openLayout(root);
    for (const part of kept.blobs) assert.ok(await store.exists(part.descriptor, { kind: "blob" }), what());
    for (const part of moved.blobs) assert.equal(await store.exists(part.descriptor, { kind: "blob" }), false, what());
    await store.push(kept.manifest.descriptor, sourceOf(kept.manifest.bytes), { kind: "manifest", tags: ["v2"] });
    await rm(root, { recursive: true });
    return disk.failed !== undefined;
  }
});
