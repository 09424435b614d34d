import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { blob } from "../support/content.ts";
import { faultyDisk } from "../support/faulty-disk.ts";

const part = blob("read, while the disk goes");
const { digest } = part.descriptor;

async function read(disk: Disk, root: string): Promise<void> {
  await using content = await new DirectoryBlobs(root, { disk }).open(digest);
  for await (const _chunk of content.bytes());
}

async function write(disk: Disk, root: string): Promise<void> {
  await using upload = await new DirectoryBlobs(root, { disk }).stage();
  await upload.append(fromBuffer(part.bytes), 0);
  await upload.commit(digest);
}

for (const [what, work] of Object.entries({ read, write })) {
  test(`a disk that is gone amid a ${what} is told as that, wherever the way out leads`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), "berth-dispose-"));
    t.after(() => rm(root, { recursive: true, force: true }));
    await write(nodeDisk, root);
    for (let at = 1, failed = true; failed; at += 1) {
      const disk = faultyDisk(nodeDisk, { at, errno: "EIO", dead: true });
      try {
        await work(disk, root);
      } catch (error) {
        assert.ok(isOciError(error, "IO"), `${disk.failed}: ${String(error)}`);
      } finally {
        await disk.abandon();
        // What is left there would be looked at in the next round, which would never be the last.
        await rm(join(root, ".berth"), { recursive: true, force: true });
      }
      failed = disk.failed !== undefined;
    }
  });
}
