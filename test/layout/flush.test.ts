import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { failsWith } from "../contract/context.ts";
import { blob, readAll, sourceOf } from "../support/content.ts";
import { faultyDisk } from "../support/faulty-disk.ts";

const MIB = 1024 * 1024;

describe("a large file that is flushed while it grows", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "berth-flush-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const part = blob(Buffer.alloc(150 * MIB, "flush"));
  /** In pieces, as it would come from a file or a socket. */
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < part.bytes.length; at += MIB) yield part.bytes.subarray(at, at + MIB);
  }

  // A slow disk is still at the first flush when the next is due, and is spared that one: the second may be the last.
  for (const at of [1, 2]) {
    test(`flush ${at} fails: nothing is there, and the next push succeeds`, async () => {
      const path = join(folder, `layout-${at}`);
      await using layout = await openLayout(path, { create: true });
      const disk = faultyDisk(nodeDisk, { at, errno: "EIO", only: "datasync" });
      await using faulty = await openLayout(path, { disk });
      await failsWith(faulty.push(part.descriptor, pieces, { kind: "blob" }), "IO");
      assert.match(disk.failed ?? "", /^datasync/);
      assert.equal(await layout.exists(part.descriptor, { kind: "blob" }), false);
      assert.deepEqual(await readdir(join(path, ".berth", "uploads")), []);
      await layout.push(part.descriptor, sourceOf(part.bytes), { kind: "blob" });
      assert.equal((await readAll(layout.fetch(part.descriptor, { kind: "blob" }))).length, part.bytes.length);
    });
  }
});
