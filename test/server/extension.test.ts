import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access } from "../../src/server/authorize.ts";
import { image, json } from "../support/content.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { MEDIA, openProbe, parsed, putBlob, putImage, putManifest, text } from "./probe.ts";

test("extensions are listed for the registry and for a repository, be that there or not", async () => {
  const asked: Access[] = [];
  await using probe = await openProbe("memory", {
    authorize: (_who, access) => {
      asked.push(access);
      return access.repository === "secret" ? "hide" : "allow";
    },
  });
  const names = async (target: string) => {
    const answer = await probe.send("GET", target);
    assert.equal(answer.status, 200);
    const { extensions } = parsed<{ extensions: Record<string, unknown>[] }>(answer);
    for (const extension of extensions) {
      assert.deepEqual(Object.keys(extension), ["name", "url", "description", "endpoints"]);
      assert.match(String(extension["url"]), /^https:/);
    }
    return extensions.map(({ name }) => name);
  };
  assert.deepEqual(await names("/v2/_oci/ext/discover"), ["_oci", "_catalog"]);
  assert.deepEqual(await names("/v2/a/b/_oci/ext/discover"), ["_oci", "_oras"]);
  assert.deepEqual(asked, [
    { action: "ping", repository: "" },
    { action: "pull", repository: "a/b" },
  ]);
  assert.equal(await probe.registry.has("a/b"), false);
  assert.deepEqual(await names("/v2/secret/_oci/ext/discover"), ["_oci", "_oras"]);
  const refused = await probe.send("POST", "/v2/a/_oci/ext/discover");
  assert.equal(refused.status, 405);
  assert.equal(text(refused, "allow"), "GET, HEAD");
  for (const target of [
    "/v2/a/_oci/ext",
    "/v2/a/_oci/ext/other",
    "/v2/_oras/artifacts/referrers",
    "/v2/_a/_oci/ext/discover",
  ]) {
    const { status } = await probe.send("GET", target);
    assert.ok(status === 404 || status === 400, `${target} ${status}`);
  }
});

for (const medium of MEDIA) {
  test(`${medium}: ns finds what was mirrored below that registry's name, and is ignored where nothing was`, async () => {
    await using probe = await openProbe(medium, {
      authorize: (_who, { action, repository }) =>
        action === "pull" && repository.startsWith("private.example/") ? "deny" : "allow",
    });
    const own = await putImage(probe, "library/app", "v1", image("own"));
    const mirrored = await putImage(probe, "docker.io/library/app", "v1", image("mirrored"));
    await putImage(probe, "private.example/library/app", "v1", image("private"));
    const get = (path: string, ns: string, method = "GET") => probe.send(method, `/v2/library/app/${path}?ns=${ns}`);
    for (const method of ["GET", "HEAD"]) {
      const answer = await get("manifests/v1", "docker.io", method);
      assert.equal(text(answer, "docker-content-digest"), mirrored.manifest.descriptor.digest);
      assert.equal(text(answer, "oci-namespace"), "docker.io");
    }
    const [, layer] = mirrored.blobs;
    assert.ok(layer);
    assert.deepEqual((await get(`blobs/${layer.descriptor.digest}`, "docker.io")).bytes, Buffer.from(layer.bytes));
    assert.equal((await get(`blobs/${layer.descriptor.digest}`, "other.example")).status, 404);
    assert.equal(text(await get("tags/list", "docker.io"), "oci-namespace"), "docker.io");
    const listed = await get(`referrers/${own.manifest.descriptor.digest}`, "docker.io");
    assert.equal(text(listed, "oci-namespace"), "docker.io");
    for (const ns of ["other.example", "private.example", "", "..", "UPPER", "localhost:5000", "a%0d%0ax"]) {
      const answer = await get("manifests/v1", ns);
      assert.equal(text(answer, "docker-content-digest"), own.manifest.descriptor.digest, ns);
      assert.equal(answer.headers["oci-namespace"], undefined, ns);
    }
    // The parameter speaks of pulls only.
    assert.equal((await get("manifests/v1", "docker.io", "DELETE")).status, 202);
    assert.equal((await probe.send("HEAD", "/v2/docker.io/library/app/manifests/v1")).status, 200);
    assert.equal((await probe.send("HEAD", "/v2/library/app/manifests/v1")).status, 404);
  });

  test(`${medium}: a deprecated layer is taken with a warning, everything usual without`, async () => {
    await using probe = await openProbe(medium);
    const { manifest, blobs } = image("usual");
    for (const part of blobs) await putBlob(probe, "a", part);
    assert.equal((await putManifest(probe, "a", manifest, "v1")).headers["warning"], undefined);
    const document = JSON.parse(Buffer.from(manifest.bytes).toString()) as { layers: Record<string, unknown>[] };
    const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    const layers = document.layers.map((layer) => ({ ...layer, mediaType, urls: ["https://example.org/layer"] }));
    const old = json({ ...document, layers: [...layers, ...layers] }, MediaType.ImageManifest);
    const answer = await putManifest(probe, "a", old, "v2");
    assert.equal(answer.status, 201);
    assert.match(text(answer, "warning"), /^299 - "[^"]+"$/);
  });

  test(`${medium}: If-Match guards deletes of tags, manifests and blobs`, async () => {
    await using probe = await openProbe(medium);
    const { manifest, blobs } = await putImage(probe, "a", "v1");
    const other = image("other").manifest.descriptor.digest;
    const layer = blobs[1]?.descriptor.digest ?? "";
    const digest = manifest.descriptor.digest;
    const remove = async (path: string, tag: string) =>
      (await probe.send("DELETE", `/v2/a/${path}`, { headers: { "if-match": tag } })).status;
    for (const path of ["manifests/v1", `manifests/${digest}`, `blobs/${layer}`]) {
      assert.equal(await remove(path, `"${other}"`), 412, path);
      assert.equal((await probe.send("HEAD", `/v2/a/${path}`)).status, 200, path);
    }
    assert.equal(await remove("manifests/v1", `"${other}", "${digest}"`), 202);
    assert.equal(await remove("manifests/v1", "*"), 404);
    assert.equal(await remove(`manifests/${digest}`, `"${digest}"`), 202);
    assert.equal(await remove(`blobs/${layer}`, "*"), 202);
    for (const path of ["manifests/v1", `manifests/${digest}`, `blobs/${layer}`]) {
      assert.equal((await probe.send("HEAD", `/v2/a/${path}`)).status, 404, path);
    }
  });
}
