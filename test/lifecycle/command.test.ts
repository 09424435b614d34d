import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { berth } from "../cli/berth.ts";
import { blob, image, pushBlob, pushImage } from "../support/content.ts";
import { openScene } from "./scene.ts";

describe("berth gc and berth scrub", () => {
  test("beside a server on the same root: what is garbage goes, what is named stays", async () => {
    await using scene = await openScene("depot");
    const parts = image("app");
    await pushImage(scene.store, parts, ["v1"]);
    const garbage = blob("garbage");
    await pushBlob(scene.store, garbage);
    await scene.age();
    const planned = await berth(["gc", scene.root, "--dry-run", "--json"]);
    assert.equal(planned.code, 0, planned.err);
    const plan = JSON.parse(planned.out) as { blobs: { digest: string; repository: string }[] };
    assert.deepEqual(plan.blobs, [
      { repository: "app", digest: garbage.descriptor.digest, size: garbage.bytes.length },
    ]);
    const ran = await berth(["gc", scene.root, "--json"]);
    assert.equal(ran.code, 0, ran.err);
    assert.equal((JSON.parse(ran.out) as { removed: number }).removed, 1);
    assert.equal(await scene.store.exists(garbage.descriptor, { kind: "blob" }), false);
    assert.equal((await scene.store.resolve({ tag: "v1" })).digest, parts.manifest.descriptor.digest);
    assert.equal((await berth(["scrub", scene.root])).code, 0);
  });

  test("67, 54: exit code 1 for what cannot be read, and for what is damaged", async () => {
    await using scene = await openScene("layout");
    const parts = image("app");
    await pushImage(scene.store, parts, ["v1"]);
    await pushBlob(scene.store, blob("garbage"));
    await scene.age();
    const { digest } = parts.manifest.descriptor;
    await rm(scene.path(digest));
    await writeFile(scene.path(digest), "{}");
    const kept = await berth(["gc", scene.root]);
    assert.equal(kept.code, 1);
    assert.match(kept.out, new RegExp(digest));
    assert.equal((await scene.digests()).length, 4);
    const scrubbed = await berth(["scrub", scene.root, "--json"]);
    assert.equal(scrubbed.code, 1);
    assert.equal((JSON.parse(scrubbed.out) as { damaged: number }).damaged, 1);
  });

  test("a time without a unit is a wrong command line, nothing at the path is not found", async () => {
    assert.equal((await berth(["gc", "/nowhere", "--grace", "1"])).code, 2);
    assert.equal((await berth(["gc", "/nowhere"])).code, 3);
    assert.equal((await berth(["scrub", "/nowhere"])).code, 3);
  });
});
