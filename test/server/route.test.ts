import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import { isRepositoryName, isTag } from "../../src/spec/name.ts";
import { parseTarget } from "../../src/server/route.ts";
import { blob } from "../support/content.ts";
import { MEDIA, openProbe, parsed, putBlob, putImage, text } from "./probe.ts";

const digest = blob("x").descriptor.digest;

test("A1 refuses repository names outside the grammar, and makes nothing of them", async () => {
  for (const medium of MEDIA) {
    await using probe = await openProbe(medium);
    for (const name of ["../x", "a/../b", "a/./b", "a//b", "/a", "a/", "A/b", "a_", "a__", "a..b", "-a"]) {
      for (const [method, rest] of [
        ["GET", "manifests/v1"],
        ["POST", "blobs/uploads/"],
        ["GET", "tags/list"],
      ] as const) {
        const answer = await probe.send(method, `/v2/${name}/${rest}`);
        assert.equal(answer.status, 400, `${method} ${name}`);
        assert.equal(answer.code, "NAME_INVALID");
      }
    }
    assert.deepEqual(await Array.fromAsync(probe.registry.repositories()), []);
    for (const name of ["a__b", "a-b.c"]) {
      assert.equal((await probe.send("POST", `/v2/${name}/blobs/uploads/`)).status, 202);
    }
  }
});

test("A2 refuses percent forms that decode to what no name holds", async () => {
  await using probe = await openProbe();
  for (const name of ["%2e%2e%2fx", "%252e", "a%00", "a%0d%0aset-cookie:x", "%c0%ae", "a%2fb", "a%", "a%zz", "a%5cb"]) {
    const answer = await probe.send("GET", `/v2/${name}/manifests/v1`);
    assert.equal(answer.status, 400, name);
    assert.equal(answer.code, "NAME_INVALID");
    assert.equal(answer.headers["set-cookie"], undefined);
  }
  assert.equal((await probe.send("GET", "/v2/a/tags/list?n=%ff")).status, 400);
});

test("A3 reads the path from the right: repositories may be called as the routes are", async () => {
  await using probe = await openProbe();
  for (const name of [
    "a/manifests/b",
    "blobs",
    "a/tags",
    "blobs/uploads",
    "a/blobs/uploads",
    "tags/list",
    "v2",
    "referrers",
  ]) {
    await putImage(probe, name, "list");
    assert.equal((await probe.send("GET", `/v2/${name}/manifests/list`)).status, 200, name);
    const tags = await probe.send("GET", `/v2/${name}/tags/list`);
    assert.deepEqual(parsed(tags), { name, tags: ["list"] });
    const upload = await probe.send("POST", `/v2/${name}/blobs/uploads/`);
    assert.equal((await probe.send("GET", text(upload, "location"))).status, 204, name);
  }
});

test("A3 takes names of 255 characters and refuses 256", async () => {
  await using probe = await openProbe();
  assert.equal((await probe.send("GET", `/v2/${"a".repeat(255)}/tags/list`)).code, "NAME_UNKNOWN");
  assert.equal((await probe.send("GET", `/v2/${"a".repeat(256)}/tags/list`)).code, "NAME_INVALID");
});

test("A4 holds tags to their grammar; %41 is A", async () => {
  await using probe = await openProbe();
  const { manifest } = await putImage(probe, "a", "A");
  assert.deepEqual((await probe.send("GET", "/v2/a/manifests/%41")).bytes, Buffer.from(manifest.bytes));
  assert.equal((await putTag("t".repeat(128))).status, 201);
  for (const tag of ["t".repeat(129), ".a", "-a", "%C3%A4", ".."]) assert.equal((await putTag(tag)).status, 400, tag);
  assert.equal((await putTag("a/b")).status, 404);

  function putTag(tag: string) {
    const headers = { "content-type": manifest.descriptor.mediaType };
    return probe.send("PUT", `/v2/a/manifests/${tag}`, { body: manifest.bytes, headers });
  }
});

test("A5 refuses malformed digests wherever one stands", async () => {
  await using probe = await openProbe();
  const hex = digest.slice(7);
  for (const bad of [
    `sha256:${hex.slice(1)}`,
    `sha256:${hex}0`,
    `sha256:${hex.toUpperCase()}`,
    `md5:${hex.slice(0, 32)}`,
    "sha256:..",
    `sha256:${hex}:1`,
    `sha512:${hex}`,
    "sha256:",
  ]) {
    for (const [method, target] of [
      ["GET", `/v2/a/blobs/${bad}`],
      ["GET", `/v2/a/manifests/${bad}`],
      ["GET", `/v2/a/referrers/${bad}`],
      ["POST", `/v2/a/blobs/uploads/?digest=${bad}`],
      ["POST", `/v2/a/blobs/uploads/?mount=${bad}&from=b`],
      ["POST", `/v2/a/blobs/uploads/?digest-algorithm=${bad}`],
    ] as const) {
      const answer = await probe.send(method, target);
      assert.equal(answer.status, 400, `${method} ${target}`);
      assert.equal(answer.code, "DIGEST_INVALID");
    }
  }
});

test("A6 keeps sha256 and sha512 of one content apart", async () => {
  for (const medium of MEDIA) {
    await using probe = await openProbe(medium);
    const long = blob("same content", "sha512");
    assert.equal((await putBlob(probe, "a", long)).status, 201);
    const got = await probe.send("GET", `/v2/a/blobs/${long.descriptor.digest}`);
    assert.equal(text(got, "docker-content-digest"), long.descriptor.digest);
    assert.equal((await probe.send("GET", `/v2/a/blobs/${blob("same content").descriptor.digest}`)).status, 404);
  }
});

test("A7 answers other methods with 405 and Allow, other paths with 404", async () => {
  await using probe = await openProbe();
  for (const [method, target, allow] of [
    ["POST", "/v2/a/manifests/v1", "GET, HEAD, PUT, DELETE"],
    ["TRACE", "/v2/", "GET, HEAD"],
    ["M".repeat(10_240), "/v2/a/tags/list", "GET, HEAD"],
    ["PUT", `/v2/a/blobs/${digest}`, "GET, HEAD, DELETE"],
    ["GET", "/v2/a/blobs/uploads/", "POST"],
  ] as const) {
    const answer = await probe.send(method, target);
    assert.equal(answer.status, 405);
    assert.equal(answer.code, "UNSUPPORTED");
    assert.equal(text(answer, "allow"), allow);
  }
  for (const target of ["/", "/v1/", "/v2/a", "/v2/a/b/c", "/v2/manifests/x", "/v2/a/manifests/", "*", "", "/V2/"]) {
    assert.equal((await probe.send("GET", target)).status, 404, target);
  }
});

test("A8 answers a name of 50 KB quickly", async () => {
  await using probe = await openProbe();
  const started = performance.now();
  assert.equal((await probe.send("GET", `/v2/${"a-".repeat(25_000)}/tags/list`)).status, 400);
  assert.ok(performance.now() - started < 1000);
});

test("A9 never speaks of the Host it was asked under", async () => {
  await using probe = await openProbe();
  const headers = { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher" };
  const answer = await probe.send("POST", "http://evil.example/v2/a/blobs/uploads/", { headers });
  assert.equal(answer.status, 202);
  assert.match(text(answer, "location"), /^\/v2\/a\/blobs\/uploads\/[A-Za-z0-9_-]{16,}$/);
});

test("every answer carries the API version, every HEAD no body", async () => {
  await using probe = await openProbe();
  for (const target of ["/v2/", "/v2", "/v2/_catalog", "/nothing", "/v2/a/manifests/v1"]) {
    const answer = await probe.send("HEAD", target);
    assert.equal(text(answer, "docker-distribution-api-version"), "registry/2.0");
    assert.equal(answer.bytes.length, 0);
  }
});

test("property: any target parses or is an OciError, and what parses is within the grammar", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "v2",
      "a",
      "blobs",
      "uploads",
      "manifests",
      "tags",
      "list",
      "referrers",
      "",
      "..",
      "%2f",
      "%",
      digest,
    ),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.string({ maxLength: 20 }), (pieces, query) => {
      try {
        const { route } = parseTarget(`/v2/${pieces.join("/")}?${query}`);
        if (!route || !("repository" in route)) return;
        assert.ok(isRepositoryName(route.repository));
        if (route.kind === "manifest" && "tag" in route.name) assert.ok(isTag(route.name.tag));
      } catch (error) {
        assert.ok(isOciError(error), String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

test("property: a name and a tag built into a path come back out of it", () => {
  const part = fc.stringMatching(/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/, { maxLength: 20 });
  const name = fc.array(fc.oneof(part, fc.constantFrom("blobs", "uploads", "manifests", "tags")), {
    minLength: 1,
    maxLength: 5,
  });
  const tag = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}$/), fc.constantFrom("list", "uploads"));
  fc.assert(
    fc.property(name, tag, (parts, wanted) => {
      const repository = parts.join("/");
      const { route } = parseTarget(`/v2/${repository}/manifests/${wanted}`);
      assert.deepEqual(route, { kind: "manifest", repository, name: { tag: wanted } });
    }),
  );
});
