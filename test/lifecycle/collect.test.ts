import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { type CollectEvent, collectGarbage } from "../../src/lifecycle/collect-garbage.ts";
import { blob, image, index, pushBlob, pushImage, pushManifest } from "../support/content.ts";
import { intercept } from "./intercept.ts";
import { HOUR, MEDIA, openScene, type Scene } from "./scene.ts";

/** Digests that a run says it removes. */
async function removedBy(scene: Scene, options: Parameters<Scene["gc"]>[0]): Promise<string[]> {
  const removed: string[] = [];
  const onEvent = (event: CollectEvent): void => {
    if (event.type === "remove") removed.push(event.digest);
  };
  await scene.gc({ ...options, onEvent });
  return removed.toSorted();
}

for (const medium of MEDIA) {
  describe(`garbage collection of a ${medium}`, () => {
    test("removes what nothing leads to once it has rested for the grace, and reports the bytes", async () => {
      await using scene = await openScene(medium);
      const kept = image("kept");
      await pushImage(scene.store, kept, ["v1"]);
      const [old, young] = [blob("old garbage"), blob("young garbage")];
      await pushBlob(scene.store, old);
      await scene.age();
      await pushBlob(scene.store, young);
      const report = await scene.gc();
      assert.deepEqual([report.removed, report.bytes, report.freed], [1, old.bytes.length, old.bytes.length]);
      assert.equal(await scene.has(old.descriptor.digest), false);
      assert.equal(await scene.has(young.descriptor.digest), true);
      for (const part of [kept.manifest, ...kept.blobs]) assert.ok(await scene.has(part.descriptor.digest));
      assert.deepEqual(await readdir(join(scene.directory, ".berth", "trash")), []);
    });

    test("a dry run lists exactly what the run removes, and changes nothing", async () => {
      await using scene = await openScene(medium);
      await pushImage(scene.store, image("tagged"), ["v1"]);
      await pushImage(scene.store, image("untagged"));
      for (const name of ["a", "b", "c"]) await pushBlob(scene.store, blob(name));
      await scene.age();
      for (const untagged of [false, true]) {
        const before = await scene.digests();
        const planned = await removedBy(scene, { dryRun: true, untagged });
        assert.deepEqual(await scene.digests(), before);
        assert.deepEqual(await removedBy(scene, { untagged }), planned);
        assert.equal(planned.length, 3);
        assert.equal((await scene.digests()).length, before.length - 3);
      }
    });

    test("F66: children of a live index stay, also one that was named itself; so do referrers of live subjects, and theirs", async () => {
      await using scene = await openScene(medium);
      const child = image("child");
      await pushImage(scene.store, child, ["child"]);
      const top = index([child.manifest.descriptor]);
      await pushManifest(scene.store, top, ["top"]);
      const signature = image("signature", { subject: top.descriptor, artifactType: "application/x.signature" });
      await pushImage(scene.store, signature);
      const endorsement = image("endorsement", {
        subject: signature.manifest.descriptor,
        artifactType: "application/x.signature",
      });
      await pushImage(scene.store, endorsement);
      await scene.store.update([{ tag: "child", to: null }]);
      await scene.age();
      await scene.gc({ untagged: true });
      for (const part of [top, child.manifest, signature.manifest, endorsement.manifest, ...endorsement.blobs]) {
        assert.ok(await scene.has(part.descriptor.digest), part.descriptor.mediaType);
      }
    });

    test("F66: what hangs on a deleted subject stays by default, and goes with --untagged", async () => {
      await using scene = await openScene(medium);
      const subject = image("subject");
      await pushImage(scene.store, subject, ["v1"]);
      const signature = image("signature", { subject: subject.manifest.descriptor, artifactType: "application/x.s" });
      await pushImage(scene.store, signature);
      await scene.store.delete?.(subject.manifest.descriptor, { kind: "manifest" });
      await scene.age();
      await scene.gc();
      assert.ok(await scene.has(signature.manifest.descriptor.digest));
      assert.ok(!(await scene.has(subject.blobs[0]?.descriptor.digest ?? subject.manifest.descriptor.digest)));
      await scene.gc({ untagged: true });
      assert.equal(await scene.has(signature.manifest.descriptor.digest), false);
      assert.equal(await scene.store.exists(signature.manifest.descriptor), false);
    });

    test("--untagged spares what is young, and what an untagged young index lists", async () => {
      await using scene = await openScene(medium);
      const child = image("child");
      await pushImage(scene.store, child);
      await scene.age();
      const top = index([child.manifest.descriptor]);
      await pushManifest(scene.store, top);
      const report = await scene.gc({ untagged: true });
      assert.equal(report.removed, 0);
      // With its parent it grows old.
      await scene.age();
      await scene.gc({ untagged: true });
      assert.deepEqual(
        (await scene.digests()).filter(
          (digest) => digest === top.descriptor.digest || digest === child.manifest.descriptor.digest,
        ),
        [],
      );
    });

    test("a manifest that is tagged while it is about to be forgotten stays", async () => {
      await using scene = await openScene(medium);
      const parts = image("late");
      await pushImage(scene.store, parts);
      await scene.age();
      await using upkeep = await scene.openUpkeep();
      const watched = intercept(upkeep, {
        names: ({ names, content }) => ({
          async forget(manifests) {
            // As if the tag had come after the last look: the bytes lie in the trash already.
            await content.restore(parts.manifest.descriptor.digest);
            await scene.store.update([{ tag: "late", to: parts.manifest.descriptor }]);
            return await names.forget(manifests);
          },
        }),
      });
      const report = await collectGarbage(watched, { untagged: true });
      assert.equal(report.removed, 0);
      for (const part of [parts.manifest, ...parts.blobs]) assert.ok(await scene.has(part.descriptor.digest));
      assert.equal((await scene.store.resolve({ tag: "late" })).digest, parts.manifest.descriptor.digest);
    });

    test("F67: with a manifest that cannot be read nothing goes that could hang below it", async () => {
      await using scene = await openScene(medium);
      const parts = image("damaged");
      await pushImage(scene.store, parts, ["v1"]);
      await pushBlob(scene.store, blob("garbage, or who knows"));
      const path = scene.path(parts.manifest.descriptor.digest);
      await rm(path);
      await writeFile(path, Buffer.from(parts.manifest.bytes).fill(0x20, 10, 20));
      await scene.age();
      const before = await scene.digests();
      for (const untagged of [false, true]) {
        const report = await scene.gc({ untagged });
        assert.equal(report.removed, 0);
        assert.equal(report.kept[0]?.unreadable[0]?.digest, parts.manifest.descriptor.digest);
        assert.deepEqual(await scene.digests(), before);
      }
    });

    test("a time in the future is young, and a layout that was collected is clean", async () => {
      await using scene = await openScene(medium);
      await pushImage(scene.store, image("tagged"), ["v1"]);
      const ahead = blob("from tomorrow");
      await pushBlob(scene.store, ahead);
      await scene.age(-24 * HOUR, ahead.descriptor.digest);
      assert.equal((await scene.gc({ grace: 0 })).removed, 0);
      await scene.age(2 * HOUR);
      assert.equal((await scene.gc()).removed, 1);
      await scene.registry[Symbol.asyncDispose]();
      assert.deepEqual((await fsckLayout(scene.directory)).findings, []);
    });
  });
}
