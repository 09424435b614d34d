import assert from "node:assert/strict";
import { test } from "node:test";
import type { Descriptor } from "../../../src/spec/descriptor.ts";
import { Limits } from "../../../src/spec/limits.ts";
import { MediaType } from "../../../src/spec/media-type.ts";
import { blob, image, index, json } from "../../support/content.ts";
import { files, MEDIA, openScene, parsed, putBlob, putImage, putManifest } from "./scene.ts";

/** Levels of the chain; a layout writes its index.json anew for each. */
const DEPTH = { layouts: 200, depot: Number(process.env["BERTH_TEST_DEPTH"] ?? 500) };

for (const medium of MEDIA) {
  test(`${medium} B14, B17: what is elsewhere or of another size is missing, and a refused manifest leaves no trace`, async () => {
    await using scene = await openScene(medium);
    const whole = image("whole");
    const [config, layer] = whole.blobs;
    assert.ok(config && layer);
    await putBlob(scene, "a", config);
    await putBlob(scene, "b", layer);
    await putBlob(scene, "a/b", layer);
    const before = files(scene.root);
    const refused = await putManifest(scene, "a", whole.manifest, "v1");
    assert.equal(refused.status, 404);
    assert.equal(refused.code, "MANIFEST_BLOB_UNKNOWN");
    await putBlob(scene, "a", layer);
    const document = JSON.parse(Buffer.from(whole.manifest.bytes).toString()) as { layers: [Descriptor] };
    for (const size of [0, layer.descriptor.size - 1, layer.descriptor.size + 1, Number.MAX_SAFE_INTEGER]) {
      const layers = [{ ...document.layers[0], size }];
      const reply = await putManifest(scene, "a", json({ ...document, layers }, MediaType.ImageManifest), "v1");
      assert.equal(reply.status, 400, `${size}`);
    }
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 404);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: [] });
    const now = files(scene.root);
    const fresh = Object.keys(now).filter((name) => name.includes("/blobs/") && !(name in before));
    assert.deepEqual(fresh, [`a/blobs/sha256/${layer.descriptor.digest.slice(7)}`]);
  });

  test(`${medium} B17, B22: as many layers, children and annotations as fit are taken, in one piece`, async () => {
    await using scene = await openScene(medium);
    const { manifest, blobs } = await putImage(scene, "a", "v1");
    const [config, layer] = blobs;
    assert.ok(config && layer);
    const layers = Array.from({ length: 20_000 }, () => layer.descriptor);
    const many = json(
      { schemaVersion: 2, mediaType: MediaType.ImageManifest, config: config.descriptor, layers },
      MediaType.ImageManifest,
    );
    const children = Array.from({ length: 12_000 }, (_, at) => ({
      mediaType: MediaType.ImageManifest,
      digest: `sha256:${at.toString(16).padStart(64, "0")}` as Descriptor["digest"],
      size: 100,
    }));
    const wide = index([manifest.descriptor, ...children]);
    const annotated = index([], {
      annotations: { "org.example": "x".repeat(1024 * 1024) },
      subject: manifest.descriptor,
    });
    for (const part of [many, wide, annotated]) {
      assert.ok(part.bytes.length > 1024 * 1024 && part.bytes.length <= Limits.manifest);
      const put = await putManifest(scene, "a", part, part.descriptor.digest);
      assert.equal(put.status, 201, put.bytes.toString());
      const got = await scene.ask("GET", `/v2/a/manifests/${part.descriptor.digest}`);
      assert.deepEqual(got.bytes, Buffer.from(part.bytes));
      const head = await scene.ask("HEAD", "/v2/a/manifests/v1");
      assert.equal(head.status, 200);
    }
    const listed = await scene.ask("GET", `/v2/a/referrers/${manifest.descriptor.digest}`);
    assert.equal(parsed<{ manifests: unknown[] }>(listed).manifests.length, 1);
    assert.equal((await scene.ask("DELETE", `/v2/a/manifests/${wide.descriptor.digest}`)).status, 202);
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 200);
    await scene.restart();
    assert.equal((await scene.ask("GET", `/v2/a/manifests/${many.descriptor.digest}`)).status, 200);
    assert.equal((await scene.ask("GET", `/v2/a/manifests/${wide.descriptor.digest}`)).status, 404);
  });

  test(`${medium} B22: a chain of indexes ${DEPTH[medium]} levels deep, pushed from the bottom, deleted from the top`, async () => {
    await using scene = await openScene(medium);
    let { manifest: last } = await putImage(scene, "a", "v1");
    const chain = [last];
    for (let level = 0; level < DEPTH[medium]; level++) {
      last = index([last.descriptor], { level });
      assert.equal((await putManifest(scene, "a", last, last.descriptor.digest)).status, 201);
      chain.push(last);
    }
    assert.equal((await putManifest(scene, "a", last, "top")).status, 201);
    await scene.restart();
    assert.equal(
      (await scene.ask("HEAD", "/v2/a/manifests/top")).headers["docker-content-digest"],
      last.descriptor.digest,
    );
    for (const at of [0, 1, Math.floor(chain.length / 2), chain.length - 2]) {
      const { digest } = chain[at]?.descriptor ?? last.descriptor;
      assert.equal((await scene.ask("HEAD", `/v2/a/manifests/${digest}`)).status, 200, `level ${at}`);
    }
    assert.equal((await scene.ask("DELETE", `/v2/a/manifests/${last.descriptor.digest}`)).status, 202);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
    assert.equal((await scene.ask("GET", `/v2/a/manifests/${chain.at(-2)?.descriptor.digest}`)).status, 200);
  });

  test(`${medium} B18: a subject that is absent, odd or the manifest's neighbour; OCI-Subject says what was heard`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const absent = blob("absent").descriptor;
    for (const subject of [
      manifest.descriptor,
      blob("not yet").descriptor,
      { ...absent, mediaType: MediaType.ImageIndex },
    ]) {
      const part = index([], { subject, of: subject.digest });
      const put = await putManifest(scene, "a", part, part.descriptor.digest);
      assert.equal(put.status, 201);
      assert.equal(put.headers["oci-subject"], subject.digest);
      for (const restart of [false, true]) {
        if (restart) await scene.restart();
        const listed = await scene.ask("GET", `/v2/a/referrers/${subject.digest}`);
        const { manifests } = parsed<{ manifests: Descriptor[] }>(listed);
        assert.deepEqual(
          manifests.map(({ digest }) => digest),
          [part.descriptor.digest],
        );
      }
    }
    const wrong = index([], { subject: { ...absent, digest: "sha256:x" } });
    assert.equal((await putManifest(scene, "a", wrong, "wrong")).status, 400);
    // In another repository nothing refers to it.
    await putImage(scene, "b", "v1");
    const other = await scene.ask("GET", `/v2/b/referrers/${manifest.descriptor.digest}`);
    assert.deepEqual(parsed<{ manifests: unknown[] }>(other).manifests, []);
  });
}
