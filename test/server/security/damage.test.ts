import assert from "node:assert/strict";
import { chmod, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Limits } from "../../../src/spec/limits.ts";
import { blob } from "../../support/content.ts";
import { blobPath, MEDIA, openScene, putBlob, putImage, putManifest, type Reply } from "./scene.ts";

/** Asks and takes a cut connection for an answer without a status. */
async function tried(reply: Promise<Reply>): Promise<{ readonly status: number; readonly bytes: Buffer }> {
  return await reply.catch(() => ({ status: 0, bytes: Buffer.alloc(0) }));
}

for (const medium of MEDIA) {
  for (const size of [10, 100_000, 3_000_000]) {
    test(`${medium} E54, zot #4427: of ${size} bytes that were cut short or emptied on the disk none is served as the whole, and a push repairs`, async () => {
      await using scene = await openScene(medium);
      const part = blob(Buffer.alloc(size, "0123456789abcdef"));
      const { digest } = part.descriptor;
      const target = `/v2/a/blobs/${digest}`;
      await putBlob(scene, "a", part);
      const path = blobPath(scene, "a", digest);
      for (const length of [0, 1, size - 1]) {
        // What a server did not take in itself, and is too large to be read whole for each request, only a scrub finds.
        for (const restarted of length > Limits.smallBlob ? [false] : [false, true]) {
          await chmod(path, 0o644);
          await truncate(path, length);
          await chmod(path, 0o444);
          if (restarted) await scene.restart();
          const got = await tried(scene.ask("GET", target));
          assert.notEqual(got.status, 200, `${length} of ${size} bytes`);
          const ranged = await tried(scene.ask("GET", target, { headers: { range: "bytes=0-0" } }));
          assert.notEqual(ranged.status, 206, `${length} of ${size} bytes`);
          assert.notEqual((await scene.ask("HEAD", target)).status, 200, "so that clients push it again");
          assert.equal((await putBlob(scene, "a", part)).status, 201);
          assert.deepEqual((await scene.ask("GET", target)).bytes, Buffer.from(part.bytes));
          assert.equal((await scene.ask("HEAD", target)).status, 200);
        }
      }
    });
  }

  test(`${medium} E54, zot #4427: a small blob with a flipped bit, a link or a directory in its place is never served`, async () => {
    await using scene = await openScene(medium);
    const part = blob("0123456789");
    const { digest } = part.descriptor;
    const target = `/v2/a/blobs/${digest}`;
    await putBlob(scene, "a", part);
    const path = blobPath(scene, "a", digest);
    const outside = join(scene.root, "outside");
    await writeFile(outside, part.bytes);
    for (const damage of [
      async () => await writeFile(path, "0123456788"),
      async () => await symlink(outside, path),
      async () => await symlink("/etc/passwd", path),
    ]) {
      await rm(path, { force: true });
      await damage();
      await scene.restart();
      const got = await scene.ask("GET", target);
      assert.ok(got.status >= 404, `${got.status}`);
      assert.doesNotMatch(got.bytes.toString(), /root:|01234567/);
      assert.equal((await putBlob(scene, "a", part)).status, 201);
      assert.deepEqual(await readFile(outside), Buffer.from(part.bytes), "nothing was written through the link");
      assert.deepEqual((await scene.ask("GET", target)).bytes, Buffer.from(part.bytes));
    }
  });

  test(`${medium} E54, zot #4427: a damaged manifest is a failure of the server, and a push repairs it`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const path = blobPath(scene, "a", manifest.descriptor.digest);
    for (const bytes of ["", "{}", Buffer.from(manifest.bytes).toString().replace("layers", "LAYERS")]) {
      await rm(path);
      await writeFile(path, bytes, { mode: 0o444 });
      await scene.restart();
      for (const name of ["v1", manifest.descriptor.digest]) {
        const got = await scene.ask("GET", `/v2/a/manifests/${name}`);
        assert.equal(got.status, 500);
        assert.doesNotMatch(got.bytes.toString(), /LAYERS|tmp/);
      }
      assert.equal((await putManifest(scene, "a", manifest, "v1")).status, 201);
      assert.deepEqual((await scene.ask("GET", "/v2/a/manifests/v1")).bytes, Buffer.from(manifest.bytes));
    }
  });
}
