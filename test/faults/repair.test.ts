import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
});
