import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { blob, image } from "../../support/content.ts";
import { files, MEDIA, openScene, parsed, putBlob, putImage } from "./scene.ts";

const content = blob("content");
const { digest } = content.descriptor;
const hex = digest.slice(7);

/** Names that no repository has, as they stand in a request's target. */
const WRONG = [
  "../x",
  "a/../b",
  "a/./b",
  "a//b",
  "/a",
  "a/",
  "A/b",
  "a_",
  "a__",
  "a..b",
  "-a",
  ".berth",
  "a/.berth/uploads",
  "%2e%2e%2fx",
  "%2e%2e/x",
  "..%2fx",
  "%252e%252e",
  "a%00",
  "a%0d%0aset-cookie:x",
  "%c0%ae%c0%ae/x",
  "a%2fb",
  "a%5c..%5cb",
  "a\\..\\b",
  "a%",
  "a%zz",
  "a%20b",
  "%E2%80%AE",
  "a".repeat(256),
  `${"a/".repeat(127)}aa`,
] as const;

for (const medium of MEDIA) {
  test(`${medium} A1, A2, A3: no wrong name makes anything on the disk, inside of the root or beside it`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    await scene.restart();
    const before = files(scene.root);
    const beside = join(dirname(scene.root), "x");
    const headers = { "content-type": manifest.descriptor.mediaType };
    for (const name of WRONG) {
      for (const [method, rest, body] of [
        ["POST", "blobs/uploads/", undefined],
        ["POST", `blobs/uploads/?digest=${digest}`, content.bytes],
        ["POST", `blobs/uploads/?mount=${manifest.descriptor.digest}&from=a`, undefined],
        ["PUT", "manifests/v1", manifest.bytes],
        ["GET", "manifests/v1", undefined],
        ["DELETE", "manifests/v1", undefined],
        ["GET", "tags/list", undefined],
        ["GET", `referrers/${digest}`, undefined],
      ] as const) {
        const reply = await scene.ask(method, `/v2/${name}/${rest}`, { headers, ...(body ? { body } : {}) });
        assert.ok(reply.status === 400 || reply.status === 404, `${method} ${name}: ${reply.status}`);
        assert.equal(reply.code, "NAME_INVALID", `${method} ${name}`);
        assert.equal(reply.headers["set-cookie"], undefined);
      }
    }
    assert.deepEqual(files(scene.root), before);
    assert.equal(existsSync(beside), false);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/_catalog")), { repositories: ["a"] });
  });

  test(`${medium} A1, A3: the odd names that are names live side by side, also those of a layout's own files`, async () => {
    await using scene = await openScene(medium);
    const names = [
      "a__b",
      "a-b.c",
      "a".repeat(255),
      `${"a/".repeat(127)}a`,
      "blobs",
      "index.json",
      "oci-layout",
      "blobs/sha256",
      "blobs/index.json/oci-layout",
      "m/manifests/b",
      "m",
      "uploads",
      "tags/list",
      "manifests",
      "referrers",
      "0",
      "berth",
    ];
    for (const name of names) await putImage(scene, name, "v1", image(name));
    for (const restarted of [false, true]) {
      if (restarted) await scene.restart();
      for (const name of names) {
        const got = await scene.ask("GET", `/v2/${name}/manifests/v1`);
        assert.equal(got.headers["docker-content-digest"], image(name).manifest.descriptor.digest, name);
        assert.deepEqual(parsed(await scene.ask("GET", `/v2/${name}/tags/list`)), { name, tags: ["v1"] });
      }
      const { repositories } = parsed<{ repositories: string[] }>(await scene.ask("GET", "/v2/_catalog"));
      assert.deepEqual(repositories, names.toSorted());
    }
    for (const name of names) {
      assert.equal(
        (await scene.ask("DELETE", `/v2/${name}/manifests/${image(name).manifest.descriptor.digest}`)).status,
        202,
      );
      for (const other of names.slice(names.indexOf(name) + 1)) {
        assert.equal(
          (await scene.ask("HEAD", `/v2/${other}/manifests/v1`)).status,
          200,
          `${name} took ${other} with it`,
        );
      }
    }
  });

  test(`${medium} A4: no wrong tag is set, whatever way it is sent`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const before = files(scene.root);
    const headers = { "content-type": manifest.descriptor.mediaType };
    const put = (rest: string) => scene.ask("PUT", `/v2/a/manifests/${rest}`, { headers, body: manifest.bytes });
    for (const tag of [
      "t".repeat(129),
      "..",
      ".a",
      "-a",
      "%C3%A4",
      "a%20b",
      "%00",
      "a%2fb",
      "a%0a",
      "a+b",
      "a@b",
      "a,b",
    ]) {
      assert.equal((await put(tag)).status, 400, tag);
      assert.equal((await put(`${manifest.descriptor.digest}?tag=${tag}`)).status, 400, tag);
      assert.equal((await put(`${manifest.descriptor.digest}?tag=fine&tag=${tag}`)).status, 400, tag);
      assert.equal((await scene.ask("DELETE", `/v2/a/manifests/${tag}`)).status, 400, tag);
    }
    assert.equal((await put("a/b")).status, 404);
    assert.deepEqual(files(scene.root), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
    assert.equal((await put("t".repeat(128))).status, 201);
    assert.equal((await put("%41")).status, 201);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), {
      name: "a",
      tags: ["A", "t".repeat(128), "v1"],
    });
  });

  test(`${medium} A5, A6: no wrong digest reaches the disk, wherever it stands`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const upload = (await scene.ask("POST", "/v2/a/blobs/uploads/")).headers.location ?? "";
    const before = files(scene.root, { own: true });
    for (const bad of [
      `sha256:${hex.slice(1)}`,
      `sha256:${hex}0`,
      `sha256:${hex.toUpperCase()}`,
      `SHA256:${hex}`,
      `md5:${hex.slice(0, 32)}`,
      `sha512:${hex}`,
      `sha256:${"../".repeat(20)}etc/passwd`,
      "sha256:..",
      "sha256:",
      ":",
      `sha256:${hex}:1`,
      `sha256:${hex}%00`,
      `sha256%3a..%2f..%2f${hex}`,
      `sha256:${hex}${"0".repeat(10_000)}`,
    ]) {
      for (const [method, target, body] of [
        ["GET", `/v2/a/blobs/${bad}`, undefined],
        ["DELETE", `/v2/a/blobs/${bad}`, undefined],
        ["GET", `/v2/a/manifests/${bad}`, undefined],
        ["PUT", `/v2/a/manifests/${bad}`, manifest.bytes],
        ["GET", `/v2/a/referrers/${bad}`, undefined],
        ["POST", `/v2/a/blobs/uploads/?digest=${bad}`, content.bytes],
        ["POST", `/v2/a/blobs/uploads/?mount=${bad}&from=a`, undefined],
        ["POST", `/v2/a/blobs/uploads/?mount=${bad}`, undefined],
        ["PUT", `${upload}?digest=${bad}`, undefined],
      ] as const) {
        const reply = await scene.ask(method, target, body ? { body } : {});
        assert.ok(reply.status === 400 || reply.status === 404, `${method} ${target.slice(0, 80)}: ${reply.status}`);
      }
    }
    assert.equal((await scene.ask("GET", upload)).status, 204, "the upload is as it was");
    assert.deepEqual(files(scene.root, { own: true }), before);
    const long = blob("content", "sha512");
    assert.equal((await putBlob(scene, "a", long)).status, 201);
    assert.equal((await scene.ask("HEAD", `/v2/a/blobs/${digest}`)).status, 404, "the same content under another name");
  });
}
