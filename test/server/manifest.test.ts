import assert from "node:assert/strict";
import { test } from "node:test";
import { Limits } from "../../src/spec/limits.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { blob, image, index, json } from "../support/content.ts";
import { MEDIA, openProbe, parsed, putBlob, putImage, putManifest, text } from "./probe.ts";

for (const medium of MEDIA) {
  test(`${medium}: a manifest comes back byte for byte, by tag and by digest`, async () => {
    await using probe = await openProbe(medium);
    const { manifest, blobs } = image("spaced");
    for (const part of blobs) await putBlob(probe, "a", part);
    const spaced = Buffer.from(`\n${JSON.stringify(JSON.parse(Buffer.from(manifest.bytes).toString()), null, 3)} \n`);
    const put = await probe.send("PUT", "/v2/a/manifests/v1", {
      body: spaced,
      headers: { "content-type": `${MediaType.ImageManifest}; charset=utf-8` },
    });
    assert.equal(put.status, 201);
    assert.equal(text(put, "location"), "/v2/a/manifests/v1");
    const digest = text(put, "docker-content-digest");
    for (const name of ["v1", digest]) {
      for (const method of ["GET", "HEAD"]) {
        const got = await probe.send(method, `/v2/a/manifests/${name}`);
        assert.equal(got.status, 200);
        assert.equal(text(got, "content-type"), MediaType.ImageManifest);
        assert.equal(text(got, "content-length"), `${spaced.length}`);
        assert.equal(text(got, "docker-content-digest"), digest);
        assert.equal(text(got, "etag"), `"${digest}"`);
        if (method === "GET") assert.deepEqual(got.bytes, spaced);
      }
    }
    const cached = await probe.send("GET", "/v2/a/manifests/v1", {
      headers: { "if-none-match": `W/"x", "${digest}"` },
    });
    assert.equal(cached.status, 304);
    assert.equal(cached.bytes.length, 0);
  });

  test(`${medium} B14: a missing layer is refused and named, a missing child is not; another repository does not help`, async () => {
    await using probe = await openProbe(medium);
    const { manifest, blobs } = image("whole");
    const [config, layer] = blobs;
    assert.ok(config && layer);
    await putBlob(probe, "a", config);
    await putBlob(probe, "other", layer);
    const refused = await putManifest(probe, "a", manifest, "v1");
    assert.equal(refused.status, 404);
    assert.equal(refused.code, "MANIFEST_BLOB_UNKNOWN");
    const { errors } = parsed<{ errors: [{ detail: { digest: string } }] }>(refused);
    assert.equal(errors[0].detail.digest, layer.descriptor.digest);
    assert.equal((await probe.send("GET", "/v2/a/manifests/v1")).status, 404);
    const sparse = index([manifest.descriptor]);
    assert.equal((await putManifest(probe, "a", sparse, "idx")).status, 201);
  });

  test(`${medium} B15: content that differs from the digest it is pushed under is refused and not kept`, async () => {
    await using probe = await openProbe(medium);
    const { manifest } = await putImage(probe, "a", "v1");
    const other = image("other").manifest.descriptor.digest;
    const answer = await putManifest(probe, "a", manifest, other);
    assert.equal(answer.status, 400);
    assert.equal(answer.code, "DIGEST_INVALID");
    assert.equal((await probe.send("GET", `/v2/a/manifests/${other}`)).status, 404);
  });

  test(`${medium} end-7b: a push by digest sets the tags it names, also of sha512`, async () => {
    await using probe = await openProbe(medium);
    await putImage(probe, "a", "v1");
    const plain = image("v1").manifest;
    const long = json(JSON.parse(Buffer.from(plain.bytes).toString()), plain.descriptor.mediaType, "sha512");
    const tags = Array.from({ length: 12 }, (_, at) => `t${at}`);
    const query = tags.map((tag) => `tag=${tag}`).join("&");
    const answer = await putManifest(probe, "a", long, `${long.descriptor.digest}?${query}`);
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.headers["oci-tag"], tags);
    for (const tag of tags) {
      const got = await probe.send("HEAD", `/v2/a/manifests/${tag}`);
      assert.equal(text(got, "docker-content-digest"), long.descriptor.digest);
    }
    const many = Array.from({ length: 101 }, (_, at) => `tag=m${at}`).join("&");
    assert.equal((await putManifest(probe, "a", long, `${long.descriptor.digest}?${many}`)).status, 413);
    assert.equal((await putManifest(probe, "a", long, `${long.descriptor.digest}?tag=-bad`)).status, 400);
  });

  test(`${medium}: a tag goes alone, a digest takes its tags with it`, async () => {
    await using probe = await openProbe(medium);
    const { manifest } = await putImage(probe, "a", "v1");
    await putManifest(probe, "a", manifest, "v2");
    assert.equal((await probe.send("DELETE", "/v2/a/manifests/v1")).status, 202);
    assert.equal((await probe.send("DELETE", "/v2/a/manifests/v1")).status, 404);
    assert.equal((await probe.send("GET", "/v2/a/manifests/v2")).status, 200);
    assert.equal((await probe.send("DELETE", `/v2/a/manifests/${manifest.descriptor.digest}`)).status, 202);
    assert.equal((await probe.send("HEAD", "/v2/a/manifests/v2")).status, 404);
    assert.equal((await probe.send("HEAD", `/v2/a/manifests/${manifest.descriptor.digest}`)).status, 404);
    assert.equal((await probe.send("DELETE", `/v2/a/manifests/${manifest.descriptor.digest}`)).status, 404);
  });

  test(`${medium}: If-Match and If-None-Match guard a tag`, async () => {
    await using probe = await openProbe(medium);
    const first = (await putImage(probe, "a", "v1")).manifest;
    const second = (await putImage(probe, "a", "v2")).manifest;
    const move = (headers: Record<string, string>, tag = "v1") =>
      probe.send("PUT", `/v2/a/manifests/${tag}`, {
        body: second.bytes,
        headers: { "content-type": second.descriptor.mediaType, ...headers },
      });
    assert.equal((await move({ "if-none-match": "*" })).status, 412);
    assert.equal((await move({ "if-match": `"${second.descriptor.digest}"` })).status, 412);
    assert.equal((await move({ "if-match": "*" }, "absent")).status, 412);
    assert.equal(
      text(await probe.send("HEAD", "/v2/a/manifests/v1"), "docker-content-digest"),
      first.descriptor.digest,
    );
    assert.equal((await move({ "if-match": `"${first.descriptor.digest}"` })).status, 201);
    assert.equal((await move({ "if-none-match": "*" }, "fresh")).status, 201);
    const fresh = await probe.send("HEAD", "/v2/a/manifests/fresh");
    assert.equal(text(fresh, "docker-content-digest"), second.descriptor.digest);
  });
}

test("many creators of one tag: exactly one wins", async () => {
  for (const medium of MEDIA) {
    await using probe = await openProbe(medium);
    const parts = await Promise.all(Array.from({ length: 8 }, (_, at) => putImage(probe, "a", `seed${at}`)));
    const answers = await Promise.all(
      parts.map(({ manifest }) =>
        probe.send("PUT", "/v2/a/manifests/one", {
          body: manifest.bytes,
          headers: { "content-type": manifest.descriptor.mediaType, "if-none-match": "*" },
        }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, ...Array.from({ length: 7 }, () => 412)]);
  }
});

test("B11 refuses what is over the limit, announced or not, and stops reading", async () => {
  await using probe = await openProbe();
  const headers = { "content-type": "application/x" };
  const announced = await probe.send("PUT", "/v2/a/manifests/v1", { headers, body: Buffer.alloc(Limits.manifest + 1) });
  assert.equal(announced.status, 413);
  assert.equal(announced.code, "SIZE_INVALID");
  const unread = { [Symbol.asyncIterator]: () => assert.fail("Nobody may read this") };
  const early = { ...headers, "content-length": `${Limits.manifest + 1}` };
  assert.equal((await probe.send("PUT", "/v2/a/manifests/v1", { headers: early, body: unread })).status, 413);
  let read = 0;
  const endless = (async function* () {
    for (;;) {
      read += 65_536;
      yield Buffer.alloc(65_536);
    }
  })();
  assert.equal((await probe.send("PUT", "/v2/a/manifests/v1", { headers, body: endless })).status, 413);
  assert.ok(read <= Limits.manifest + 65_536);
  const exact = await probe.send("PUT", "/v2/a/manifests/v1", { headers, body: Buffer.alloc(Limits.manifest) });
  assert.equal(exact.status, 201);
});

test("B12 refuses what reads two ways", async () => {
  await using probe = await openProbe();
  const { manifest } = await putImage(probe, "a", "v1");
  const put = (body: string | Uint8Array, type: string) =>
    probe.send("PUT", "/v2/a/manifests/x", { body, headers: { "content-type": type } });
  for (const type of [MediaType.ImageIndex, MediaType.DockerManifest, "text/plain", "not a type"]) {
    const answer = await put(manifest.bytes, type);
    assert.equal(answer.status, 400, type);
    assert.equal(answer.code, "MANIFEST_INVALID");
  }
  const both = JSON.stringify({ ...JSON.parse(Buffer.from(manifest.bytes).toString()), manifests: [] });
  assert.equal((await put(both, MediaType.ImageManifest)).status, 400);
});

test("B13 takes the type from the document where no Content-Type is given", async () => {
  await using probe = await openProbe();
  const { manifest } = await putImage(probe, "a", "v1");
  assert.equal((await probe.send("PUT", "/v2/a/manifests/x", { body: manifest.bytes })).status, 201);
  assert.equal(text(await probe.send("GET", "/v2/a/manifests/x"), "content-type"), MediaType.ImageManifest);
  const own = await probe.send("PUT", "/v2/a/manifests/y", { body: '{"mediaType":"application/vnd.acme+json"}' });
  assert.equal(own.status, 201);
  const got = await probe.send("GET", "/v2/a/manifests/y", { headers: { accept: MediaType.ImageIndex } });
  assert.equal(text(got, "content-type"), "application/vnd.acme+json");
  assert.equal((await probe.send("PUT", "/v2/a/manifests/z", { body: "{}" })).status, 400);
});

test("B16 refuses documents that JSON.parse would take or mangle", async () => {
  await using probe = await openProbe();
  const good = Buffer.from(image("x").manifest.bytes).toString();
  for (const bad of [
    `\ufeff${good}`,
    `${good}x`,
    `${good}\0`,
    good.replace("{", '{"schemaVersion":2,'),
    good.replace("{", `{"x":${"[".repeat(1000)}${"]".repeat(1000)},`),
    good.replace(/"size":\d+/, '"size":1e400'),
    good.replace(/"size":\d+/, '"size":-1'),
    good.replace(/"size":\d+/, '"size":"3"'),
    good.replace(/"size":\d+/, '"size":9007199254740993'),
    "null",
    "[]",
    "3",
    "",
  ]) {
    const headers = { "content-type": MediaType.ImageManifest };
    const answer = await probe.send("PUT", "/v2/a/manifests/x", { body: bad, headers });
    assert.equal(answer.status, 400, bad.slice(0, 60));
    assert.equal(answer.code, "MANIFEST_INVALID");
  }
});

test("B17 refuses a descriptor whose size is not the blob's", async () => {
  await using probe = await openProbe();
  const { manifest } = await putImage(probe, "a", "v1");
  const body = Buffer.from(manifest.bytes)
    .toString()
    .replace(/"size":\d+/, '"size":7');
  const answer = await probe.send("PUT", "/v2/a/manifests/x", {
    body,
    headers: { "content-type": MediaType.ImageManifest },
  });
  assert.equal(answer.status, 400);
});

test("errors say nothing of where the registry lies", async () => {
  await using probe = await openProbe("layouts");
  await putImage(probe, "a", "v1");
  for (const target of ["/v2/a/manifests/none", `/v2/a/blobs/${blob("none").descriptor.digest}`, "/v2/b/tags/list"]) {
    const answer = await probe.send("GET", target);
    assert.equal(answer.status, 404);
    assert.doesNotMatch(answer.bytes.toString(), /tmp|berth-server/);
  }
});
