import assert from "node:assert/strict";
import { test } from "node:test";
import { blob, image } from "../../support/content.ts";
import { files, MEDIA, openScene, parsed, putBlob, putImage, startUpload } from "./scene.ts";

const content = blob("shared content");
const { digest } = content.descriptor;

for (const medium of MEDIA) {
  test(`${medium} CVE-2026-41888, F68: where deletes are disabled, no path deletes, and uploads can be cancelled`, async () => {
    await using scene = await openScene(medium, { noDelete: true });
    const { manifest } = await putImage(scene, "a", "v1");
    await putBlob(scene, "a", content);
    const before = files(scene.root);
    for (const target of [
      "/v2/a/manifests/v1",
      "/v2/a/manifests/%761",
      `/v2/a/manifests/${manifest.descriptor.digest}`,
      `/v2/a/blobs/${digest}`,
      `/v2/a/blobs/${manifest.descriptor.digest}`,
      "/v2/a/manifests/v1?ns=docker.io",
      "http://x/v2/a/manifests/v1",
      "/v2/none/manifests/v1",
    ]) {
      for (const headers of [{}, { "if-match": "*" }]) {
        const reply = await scene.ask("DELETE", target, { headers });
        assert.equal(reply.status, 405, target);
        assert.equal(reply.code, "UNSUPPORTED");
        assert.doesNotMatch(reply.headers.allow ?? "", /DELETE/);
      }
    }
    assert.deepEqual(files(scene.root), before);
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 200);
    assert.equal((await scene.ask("GET", `/v2/a/blobs/${digest}`)).status, 200);
    const upload = await startUpload(scene, "a");
    assert.equal((await scene.ask("DELETE", upload)).status, 204);
    assert.equal((await scene.ask("GET", upload)).status, 404);
  });

  test(`${medium} distribution #4670: read-only, no route writes a byte`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    await putBlob(scene, "a", content);
    await putBlob(scene, "b", blob("only in b"));
    const upload = await startUpload(scene, "a");
    await scene.ask("PATCH", upload, { body: "half" });
    await scene.restart({ readOnly: true });
    const before = files(scene.root, { own: true });
    const other = blob("other").descriptor.digest;
    const only = blob("only in b").descriptor.digest;
    const headers = { "content-type": manifest.descriptor.mediaType };
    for (const [method, target, body] of [
      ["POST", "/v2/a/blobs/uploads/", undefined],
      ["POST", "/v2/new/blobs/uploads/", undefined],
      ["POST", `/v2/a/blobs/uploads/?digest=${other}`, "other"],
      ["POST", `/v2/a/blobs/uploads/?mount=${only}&from=b`, undefined],
      ["PATCH", upload, "more"],
      ["PUT", `${upload}?digest=${blob("half").descriptor.digest}`, undefined],
      ["DELETE", upload, undefined],
      ["PUT", "/v2/a/manifests/v2", manifest.bytes],
      ["PUT", `/v2/a/manifests/${manifest.descriptor.digest}?tag=v2`, manifest.bytes],
      ["DELETE", "/v2/a/manifests/v1", undefined],
      ["DELETE", `/v2/a/manifests/${manifest.descriptor.digest}`, undefined],
      ["DELETE", `/v2/a/blobs/${digest}`, undefined],
    ] as const) {
      const reply = await scene.ask(method, target, { headers, ...(body === undefined ? {} : { body }) });
      assert.equal(reply.status, 405, `${method} ${target}`);
      assert.doesNotMatch(reply.headers.allow ?? "", /PUT|POST|PATCH|DELETE/);
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
    assert.equal((await scene.ask("GET", `/v2/a/blobs/${digest}`)).bytes.toString(), "shared content");
  });

  test(`${medium} F68: of deletes of one thing at once, exactly one finds it`, async () => {
    await using scene = await openScene(medium);
    for (let round = 0; round < 5; round++) {
      const seed = image(`round ${round}`);
      await putImage(scene, "a", "v1", seed);
      await putBlob(scene, "a", content);
      for (const target of [
        "/v2/a/manifests/v1",
        `/v2/a/manifests/${seed.manifest.descriptor.digest}`,
        `/v2/a/blobs/${digest}`,
      ]) {
        const replies = await Promise.all(Array.from({ length: 8 }, () => scene.ask("DELETE", target)));
        const statuses = replies.map(({ status }) => status).toSorted();
        assert.deepEqual(statuses, [202, ...Array.from({ length: 7 }, () => 404)], target);
      }
    }
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: [] });
    assert.equal(Object.keys(files(scene.root)).filter((name) => name.includes(digest.slice(7))).length, 0);
  });

  test(`${medium} CVE-2026-35172: what was deleted in one repository stays deleted there, whoever reads it in another`, async () => {
    await using scene = await openScene(medium);
    await putBlob(scene, "a", content);
    await putBlob(scene, "b", content);
    const mounted = await scene.ask("POST", `/v2/c/blobs/uploads/?mount=${digest}&from=a`);
    assert.equal(mounted.status, 201);
    const seed = image("in both");
    await putImage(scene, "a", "v1", seed);
    await putImage(scene, "b", "v1", seed);
    const manifest = seed.manifest.descriptor.digest;
    for (const name of ["a", "b", "c"])
      assert.equal((await scene.ask("GET", `/v2/${name}/blobs/${digest}`)).status, 200);
    assert.equal((await scene.ask("DELETE", `/v2/a/blobs/${digest}`)).status, 202);
    assert.equal((await scene.ask("DELETE", `/v2/a/manifests/${manifest}`)).status, 202);

    const check = async (): Promise<void> => {
      for (const name of ["b", "c"]) {
        const got = await scene.ask("GET", `/v2/${name}/blobs/${digest}`);
        assert.equal(got.bytes.toString(), "shared content", name);
      }
      assert.equal((await scene.ask("GET", `/v2/b/manifests/${manifest}`)).status, 200);
      for (const target of [`blobs/${digest}`, `blobs/${manifest}`, `manifests/${manifest}`, "manifests/v1"]) {
        for (const method of ["GET", "HEAD"]) {
          assert.equal((await scene.ask(method, `/v2/a/${target}`)).status, 404, `${method} ${target}`);
        }
      }
      const held = Object.keys(files(scene.root)).filter((name) => name.includes(digest.slice(7)));
      assert.deepEqual(held.map((name) => name.split("/")[0]).toSorted(), ["b", "c"]);
    };
    await check();
    // Mounting elsewhere and an upload that is cancelled bring nothing back either.
    await scene.ask("POST", `/v2/d/blobs/uploads/?mount=${digest}&from=b`);
    await scene.ask("DELETE", `/v2/d/blobs/${digest}`);
    await scene.ask("DELETE", await startUpload(scene, "a"));
    await check();
    await scene.restart();
    await check();
  });
}
