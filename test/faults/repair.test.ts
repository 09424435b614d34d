import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { blob, pushBlob, readAll, sourceOf } from "../support/content.ts";
import { failsWith } from "../contract/context.ts";

describe("something else in the place of a blob", () => {
  let base: string;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), "berth-repair-"));
  });
  after(() => rm(base, { recursive: true, force: true }));

  for (const what of ["a directory", "a symbolic link"] as const) {
    test(`${what} is told as damage, and a push repairs it without losing what is there`, async () => {
      const root = join(base, what);
      const store = await openLayout(root, { create: true });
      const part = blob(what);
      await pushBlob(store, part);
      const path = join(root, "blobs", ...part.descriptor.digest.split(":"));
      const notes = join(what === "a directory" ? path : base, "notes");
      await rm(path);
      if (what === "a directory") await mkdir(path);
      await writeFile(notes, "somebody's");
      if (what === "a symbolic link") await symlink(notes, path);
      await failsWith(readAll(store.fetch(part.descriptor, { kind: "blob" })), "CONTENT_DAMAGED");
      await store.push(part.descriptor, sourceOf(part.bytes), { kind: "blob", absent: true });
      assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), part.bytes);
      const kept = what === "a directory" ? await readdir(join(root, ".berth"), { recursive: true }) : [notes];
      assert.equal(kept.filter((name) => name.endsWith("notes")).length, 1);
      assert.equal((await fsckLayout(root)).clean, true);
    });
  }

  test("bits that flip in a file that was found whole before are repaired by the next push", async () => {
    const root = join(base, "flipped");
    const store = await openLayout(root, { create: true });
    const part = blob("found whole");
    const push = () => store.push(part.descriptor, sourceOf(part.bytes), { kind: "blob" });
    await push();
    const path = join(root, "blobs", ...part.descriptor.digest.split(":"));
    // What was changed a moment ago is read again each time; from then on it is known by its time of change.
    while (Date.now() - (await stat(path)).ctimeMs < 1500) await sleep(100);
    assert.equal((await push()).existed, true);
    assert.equal((await push()).existed, true);
    await chmod(path, 0o644);
    await writeFile(path, "found whole".toUpperCase());
    while (Date.now() - (await stat(path)).ctimeMs < 1500) await sleep(100);
    assert.equal((await push()).existed, false);
    assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), part.bytes);
  });
});
