import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access, Authorize } from "../../src/server/authorize.ts";
import { createHandler } from "../../src/server/handler.ts";
import { blob, image } from "../support/content.ts";
import { MEDIA, openProbe, parsed, putBlob, putImage, send, startUpload, text } from "./probe.ts";

const content = blob("content");
const { digest } = content.descriptor;
const { manifest } = image("v1");

/** Every route that changes something. */
const MUTATING = [
  ["POST", "/v2/a/blobs/uploads/"],
  ["POST", `/v2/a/blobs/uploads/?digest=${digest}`],
  ["POST", `/v2/a/blobs/uploads/?mount=${digest}&from=b`],
  ["PATCH", "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000"],
  ["PUT", `/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000?digest=${digest}`],
  ["DELETE", "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000"],
  ["PUT", "/v2/a/manifests/v1"],
  ["PUT", `/v2/a/manifests/${manifest.descriptor.digest}?tag=v2`],
  ["DELETE", "/v2/a/manifests/v1"],
  ["DELETE", `/v2/a/manifests/${manifest.descriptor.digest}`],
  ["DELETE", `/v2/a/blobs/${digest}`],
] as const;

const READING = [
  ["GET", "/v2/"],
  ["GET", "/v2/_catalog"],
  ["GET", "/v2/a/tags/list"],
  ["GET", "/v2/a/manifests/v1"],
  ["HEAD", `/v2/a/manifests/${manifest.descriptor.digest}`],
  ["GET", `/v2/a/blobs/${digest}`],
  ["HEAD", `/v2/a/blobs/${digest}`],
  ["GET", `/v2/a/referrers/${digest}`],
  ["GET", `/v2/a/manifests/v1?ns=example.org`],
  ["GET", `/v2/a/_oras/artifacts/referrers?digest=${digest}`],
  ["GET", "/v2/_oci/ext/discover"],
  ["GET", "/v2/a/_oci/ext/discover"],
] as const;

test("every route asks: denied is 401 with a challenge for the anonymous, 403 for the known", async () => {
  await using probe = await openProbe("memory", {
    authorize: () => "deny",
    challenge: 'Bearer realm="https://x/token"',
  });
  for (const [method, target] of [...MUTATING, ...READING, ["GET", "/v2/a/blobs/uploads/0000000000000000"] as const]) {
    const anonymous = await probe.send(method, target, { body: manifest.bytes });
    assert.equal(anonymous.status, 401, `${method} ${target}`);
    assert.equal(text(anonymous, "www-authenticate"), 'Bearer realm="https://x/token"');
    assert.equal((await probe.send(method, target, { body: manifest.bytes, who: "ann" })).status, 403);
  }
  assert.deepEqual(await Array.fromAsync(probe.registry.repositories()), []);
});

test("C35 a denied push is answered before a byte of its body is read", async () => {
  await using probe = await openProbe("memory", { authorize: () => "deny" });
  const body = { [Symbol.asyncIterator]: () => assert.fail("Nobody may read this") };
  for (const [method, target] of MUTATING) assert.equal((await probe.send(method, target, { body })).status, 401);
});

test("read-only refuses every mutating route with 405 and answers the reading ones", async () => {
  for (const medium of MEDIA) {
    await using probe = await openProbe(medium);
    await putImage(probe, "a", "v1");
    await putBlob(probe, "a", content);
    await using handler = createHandler(probe.registry, { readOnly: true });
    for (const [method, target] of MUTATING) {
      const answer = await send(handler, method, target, { body: manifest.bytes });
      assert.equal(answer.status, 405, `${method} ${target}`);
      assert.equal(answer.code, "UNSUPPORTED");
      assert.doesNotMatch(text(answer, "allow"), /PUT|POST|PATCH|DELETE/);
    }
    for (const [method, target] of READING) assert.equal((await send(handler, method, target)).status, 200, target);
  }
});

test("a hidden repository looks exactly as one that is not there", async () => {
  const authorize: Authorize = (_who, { repository }) => (repository === "secret" ? "hide" : "allow");
  await using probe = await openProbe("memory");
  await putImage(probe, "secret", "v1");
  await putBlob(probe, "secret", content);
  await putImage(probe, "open", "v1");
  await using handler = createHandler(probe.registry, { authorize });
  for (const [method, target] of READING.filter(([, path]) => path.startsWith("/v2/a/"))) {
    const hidden = await send(handler, method, target.replace("/v2/a/", "/v2/secret/"));
    const absent = await send(handler, method, target.replace("/v2/a/", "/v2/absent/"));
    assert.equal(hidden.status, absent.status, target);
    assert.equal(hidden.bytes.toString().replaceAll("secret", "absent"), absent.bytes.toString());
  }
  assert.deepEqual(parsed(await send(handler, "GET", "/v2/_catalog")), { repositories: ["open"] });
});

test("C34, CVE-2024-39897: a mount asks twice, and never tells what the source holds", async () => {
  const asked: Access[] = [];
  const authorize: Authorize = (_who, access) => {
    asked.push(access);
    return access.repository === "private" ? "deny" : "allow";
  };
  await using probe = await openProbe("memory");
  await putBlob(probe, "private", content);
  await using handler = createHandler(probe.registry, { authorize });
  for (const from of ["&from=private", ""]) {
    asked.length = 0;
    const answer = await send(handler, "POST", `/v2/mine/blobs/uploads/?mount=${digest}${from}`);
    assert.equal(answer.status, 202);
    assert.deepEqual(
      asked.map(({ action, repository }) => [action, repository]),
      [
        ["push", "mine"],
        ["pull", "private"],
      ],
    );
  }
  assert.equal((await send(handler, "HEAD", `/v2/mine/blobs/${digest}`)).status, 404);
});

test("CVE-2026-31801: who may only create a tag cannot move it, by no spelling and no second name", async () => {
  for (const medium of MEDIA) {
    const authorize: Authorize = (_who, { action, exists }) =>
      action === "push" && exists === true ? "deny" : "allow";
    await using probe = await openProbe(medium);
    await putImage(probe, "a", "latest");
    const next = await putImage(probe, "a", "other");
    await using handler = createHandler(probe.registry, { authorize });
    const put = (name: string) =>
      send(handler, "PUT", `/v2/a/manifests/${name}`, {
        who: "creator",
        body: next.manifest.bytes,
        headers: { "content-type": next.manifest.descriptor.mediaType },
      });
    const own = next.manifest.descriptor.digest;
    for (const name of ["latest", "%6catest", `${own}?tag=latest`, `${own}?tag=fresh&tag=latest`]) {
      assert.equal((await put(name)).status, 403, name);
    }
    const kept = await probe.send("HEAD", "/v2/a/manifests/latest");
    assert.equal(text(kept, "docker-content-digest"), image("latest").manifest.descriptor.digest);
    assert.equal((await probe.send("HEAD", "/v2/a/manifests/fresh")).status, 404);
    assert.equal((await put("fresh")).status, 201);
    assert.equal((await put("fresh")).status, 403);
  }
});

test("an unexpected failure is a 500 that says nothing", async () => {
  const authorize: Authorize = () => {
    throw new Error("password is hunter2");
  };
  await using probe = await openProbe("memory", { authorize });
  const answer = await probe.send("GET", "/v2/");
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.bytes.toString(), /hunter2/);
  await using open = await openProbe("memory");
  assert.ok(await startUpload(open, "a"));
});
