import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { encodedOf } from "../../src/spec/digest.ts";
import { copy } from "../../src/transfer/copy.ts";
import { image, pushImage, sourceOf } from "../support/content.ts";

describe("a layout with flipped bits", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "berth-repair-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function flip(root: string, descriptor: Descriptor): Promise<void> {
    const path = join(root, "blobs", "sha256", encodedOf(descriptor.digest));
    const bytes = await readFile(path);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    // A new file: the old one may be linked into another layout.
    await rm(path);
    await writeFile(path, bytes);
    await chmod(path, 0o444);
  }

  test("is found and repaired by a deep copy", async () => {
    const path = join(folder, "deep");
    await using source = await openLayout(join(folder, "source"), { create: true });
    await using target = await openLayout(path, { create: true });
    const parts = image("flipped");
    const descriptor = await pushImage(source, parts, ["v1"]);
    const options = { source, target, roots: [{ descriptor, tags: ["v1"] }] };
    await copy(options);
    const [, layer] = parts.blobs;
    assert.ok(layer);
    for (const damaged of [layer.descriptor, descriptor]) {
      await flip(path, damaged);
      assert.equal((await fsckLayout(path)).clean, false);
      const repaired = await copy({ ...options, deep: true });
      assert.equal(repaired.nodes.push, 1);
      assert.equal((await fsckLayout(path)).clean, true);
    }
    assert.equal((await copy({ ...options, deep: true })).nodes.push, 0);
  });

  test("is repaired by pushing the content again", async () => {
    const path = join(folder, "push");
    await using store = await openLayout(path, { create: true });
    const parts = image("pushed");
    await pushImage(store, parts, ["v1"]);
    const [config] = parts.blobs;
    assert.ok(config);
    await flip(path, config.descriptor);
    const pushed = await store.push(config.descriptor, sourceOf(config.bytes), { kind: "blob" });
    assert.equal(pushed.existed, false);
    assert.equal((await fsckLayout(path)).clean, true);
  });
});
