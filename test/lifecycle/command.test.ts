import assert from "node:assert/strict";
import { chown, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

  test("F67, E54: exit code 1 for what cannot be read, and for what is damaged", async () => {
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

  test("a short grace is refused while a server works on the root", async () => {
    await using scene = await openScene("depot");
    const garbage = blob("garbage");
    await pushBlob(scene.store, garbage);
    const refused = await berth(["gc", scene.root, "--grace", "29m"]);
    assert.equal(refused.code, 6, refused.err);
    assert.match(refused.err, /^berth: A server works on .*\nhint: .*30m/);
    assert.equal(await scene.store.exists(garbage.descriptor, { kind: "blob" }), true);
    assert.equal((await berth(["gc", scene.root, "--grace", "0", "--dry-run"])).code, 0);
    assert.equal((await berth(["gc", scene.root, "--grace", "30m"])).code, 0);
  });

  test("a part of a registry is refused: its catalog knows more than its layouts say", async () => {
    await using scene = await openScene("depot");
    await pushImage(scene.store, image("app"), ["v1"]);
    for (const command of ["gc", "scrub"]) {
      const refused = await berth([command, join(scene.root, "app")]);
      assert.equal(refused.code, 2, refused.err);
      assert.ok(refused.err.includes(`hint: Give the whole registry: ${scene.root}\n`), refused.err);
    }
  });

  test("a folder without a layout is an error, and nothing is left in it", async () => {
    await using scene = await openScene("layout");
    const folder = join(scene.root, "blobs");
    for (const command of ["gc", "scrub"]) assert.equal((await berth([command, folder])).code, 3);
    assert.equal((await readdir(folder)).includes(".berth"), false);
  });

  test("root does not work on what another user's server keeps", async (t) => {
    if (process.geteuid?.() !== 0) return t.skip("needs root");
    await using scene = await openScene("depot");
    await chown(join(scene.root, ".berth"), 65_534, 65_534);
    for (const line of [["gc"], ["scrub"], ["depot", "reindex"]]) {
      const refused = await berth([...line, scene.root]);
      assert.equal(refused.code, 2, refused.err);
      assert.match(refused.err, /kept by the user 65534/);
    }
    assert.equal((await berth(["gc", scene.root, "--dry-run"])).code, 0);
  });

  test("a time without a unit is a wrong command line, nothing at the path is not found", async () => {
    assert.equal((await berth(["gc", "/nowhere", "--grace", "1"])).code, 2);
    assert.equal((await berth(["gc", "/nowhere"])).code, 3);
    assert.equal((await berth(["scrub", "/nowhere"])).code, 3);
  });
});
