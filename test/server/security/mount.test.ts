import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { Authorize } from "../../../src/server/authorize.ts";
import { blob } from "../../support/content.ts";
import { blobPath, files, MEDIA, openScene, putBlob, putImage } from "./scene.ts";

const secret = blob("of nobody's business");
const { digest } = secret.descriptor;

/** The private repository is there for its owner alone. */
const authorize: Authorize = (who, { repository }) =>
  repository.startsWith("private") && who === undefined ? "deny" : "allow";
const hide: Authorize = async (who, access) => ((await authorize(who, access)) === "deny" ? "hide" : "allow");

for (const medium of MEDIA) {
  test(`${medium} C34, CVE-2024-39897: nobody gets a blob by mounting that he may not pull`, async () => {
    await using scene = await openScene(medium);
    await putBlob(scene, "private/b", secret);
    await putImage(scene, "mine", "v1");
    for (const hook of [authorize, hide]) {
      await scene.restart({ authorize: hook });
      const before = files(scene.root);
      for (const query of [
        `mount=${digest}&from=private/b`,
        `mount=${digest}&from=private%2fb`,
        `mount=${digest}`,
        `mount=${digest}&from=`,
        `mount=${digest}&from=mine`,
        `mount=${digest}&from=none`,
        `mount=${digest}&from=../private/b`,
        `mount=${digest}&digest=${digest}&from=private/b`,
      ]) {
        const reply = await scene.ask("POST", `/v2/mine/blobs/uploads/?${query}`);
        assert.equal(reply.status, 202, query);
        const absent = blob("nowhere at all").descriptor.digest;
        const other = await scene.ask("POST", `/v2/mine/blobs/uploads/?${query.replaceAll(digest, absent)}`);
        assert.deepEqual(Object.keys(reply.headers), Object.keys(other.headers), "the answers look the same");
        for (const method of ["GET", "HEAD"]) {
          assert.equal((await scene.ask(method, `/v2/mine/blobs/${digest}`)).status, 404, query);
        }
        await scene.ask("DELETE", reply.headers.location ?? "");
        await scene.ask("DELETE", other.headers.location ?? "");
      }
      assert.deepEqual(files(scene.root), before);
      // Nor by naming it in a manifest.
      const manifest = {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: secret.descriptor,
        layers: [],
      };
      const headers = { "content-type": manifest.mediaType };
      const put = await scene.ask("PUT", "/v2/mine/manifests/x", { headers, body: JSON.stringify(manifest) });
      assert.equal(put.status, 404);
      assert.equal(put.code, "MANIFEST_BLOB_UNKNOWN");
      assert.equal((await scene.ask("HEAD", `/v2/mine/blobs/${digest}`)).status, 404);
    }
  });

  test(`${medium} C34: two query parameters of one name are none`, async () => {
    await using scene = await openScene(medium, { authorize });
    const reply = await scene.ask("POST", `/v2/mine/blobs/uploads/?mount=${digest}&from=mine&from=private/b`);
    assert.equal(reply.status, 400);
    assert.deepEqual(files(scene.root), {});
  });

  test(`${medium} C34: a mounted blob is the content of its digest, or is not mounted`, async () => {
    await using scene = await openScene(medium);
    await putBlob(scene, "a", secret);
    // Somebody replaced the file: it is not the server's any more, so it is read before it is trusted.
    const path = blobPath(scene, "a", digest);
    const { rm } = await import("node:fs/promises");
    await rm(path);
    await writeFile(path, "other content of size");
    const reply = await scene.ask("POST", `/v2/b/blobs/uploads/?mount=${digest}&from=a`);
    assert.notEqual(reply.status, 201);
    assert.equal((await scene.ask("HEAD", `/v2/b/blobs/${digest}`)).status, 404);
    assert.equal((await putBlob(scene, "a", secret)).status, 201);
    assert.equal((await scene.ask("POST", `/v2/b/blobs/uploads/?mount=${digest}&from=a`)).status, 201);
    assert.deepEqual((await scene.ask("GET", `/v2/b/blobs/${digest}`)).bytes, Buffer.from(secret.bytes));
  });
}
