import assert from "node:assert/strict";
import { test } from "node:test";
import { OciError } from "../../src/error/oci-error.ts";
import { createHandler } from "../../src/server/handler.ts";
import { blob } from "../support/content.ts";
import { MEDIA, openProbe, putBlob, send, startUpload, text } from "./probe.ts";

const content = blob("0123456789");
const { digest } = content.descriptor;

for (const medium of MEDIA) {
  test(`${medium}: chunks, status, the last chunk in the closing request`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    assert.equal(text(await probe.send("GET", location), "range"), "0-0");
    const first = await probe.send("PATCH", location, { body: "0123", headers: { "content-range": "0-3" } });
    assert.equal(first.status, 202);
    assert.equal(text(first, "range"), "0-3");
    const second = await probe.send("PATCH", text(first, "location"), { body: "456" });
    assert.equal(text(second, "range"), "0-6");
    const status = await probe.send("GET", `${location}?digest=${digest}`);
    assert.equal(status.status, 204);
    assert.equal(text(status, "range"), "0-6");
    const done = await probe.send("PUT", `${location}?digest=${digest}`, {
      body: "789",
      headers: { "content-range": "7-9" },
    });
    assert.equal(done.status, 201);
    assert.equal(text(done, "location"), `/v2/a/blobs/${digest}`);
    assert.equal(text(done, "docker-content-digest"), digest);
    assert.equal((await probe.send("GET", text(done, "location"))).bytes.toString(), "0123456789");
    assert.equal((await probe.send("GET", location)).code, "BLOB_UPLOAD_UNKNOWN");
  });

  test(`${medium} C24: an id opens nothing elsewhere, nor when it is made up, ended or cancelled`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    const id = location.slice(location.lastIndexOf("/") + 1);
    assert.ok(id.length >= 32);
    await startUpload(probe, "b");
    for (const target of [
      `/v2/b/blobs/uploads/${id}`,
      `/v2/a/blobs/uploads/${id}0`,
      `/v2/a/blobs/uploads/${"0".repeat(36)}`,
    ]) {
      for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
        const answer = await probe.send(method, `${target}?digest=${digest}`, { body: "0123456789" });
        assert.equal(answer.status, 404, `${method} ${target}`);
        assert.equal(answer.code, "BLOB_UPLOAD_UNKNOWN");
      }
    }
    assert.equal((await probe.send("DELETE", location)).status, 204);
    assert.equal((await probe.send("DELETE", location)).status, 404);
    assert.equal((await probe.send("PATCH", location, { body: "x" })).status, 404);
  });

  test(`${medium} C25: what does not fit is 416 with the true offset, and the upload goes on`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    await probe.send("PATCH", location, { body: "01234", headers: { "content-range": "0-4" } });
    for (const range of ["0-4", "6-10", "4-8", "5-2", "5-20", "999999999999999999999-999999999999999999999"]) {
      for (const method of ["PATCH", "PUT"]) {
        const answer = await probe.send(method, `${location}?digest=${digest}`, {
          body: "56789",
          headers: { "content-range": range },
        });
        assert.equal(answer.status, 416, `${method} ${range}`);
        assert.equal(text(answer, "range"), "0-4");
        assert.equal(text(answer, "location"), location);
      }
    }
    const malformed = await probe.send("PATCH", location, { body: "x", headers: { "content-range": "a-b" } });
    assert.equal(malformed.status, 400);
    const done = await probe.send("PUT", `${location}?digest=${digest}`, {
      body: "56789",
      headers: { "content-range": "5-9" },
    });
    assert.equal(done.status, 201);
  });

  test(`${medium} C26: one writer at a time; two closings make one blob`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const slow = (async function* () {
      begin();
      yield Buffer.from("01234");
      await held;
      yield Buffer.from("56789");
    })();
    const first = probe.send("PATCH", location, { body: slow });
    await begun;
    const second = await probe.send("PATCH", location, { body: "xxxxx" });
    assert.equal(second.status, 416);
    assert.equal((await probe.send("GET", location)).status, 204);
    letGo();
    assert.equal((await first).status, 202);
    const closings = await Promise.all([1, 2].map(() => probe.send("PUT", `${location}?digest=${digest}`)));
    const statuses = closings.map(({ status }) => status).toSorted();
    assert.equal(statuses[0], 201);
    assert.ok(statuses[1] === 404 || statuses[1] === 416, `${statuses[1]}`);
    assert.equal((await probe.send("GET", `/v2/a/blobs/${digest}`)).bytes.toString(), "0123456789");
  });

  test(`${medium} C27: a body that breaks off leaves what came, and the upload goes on from there`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    const broken = (async function* () {
      yield Buffer.from("0123");
      throw new OciError("INTERRUPTED", "Gone");
    })();
    assert.ok((await probe.send("PATCH", location, { body: broken })).status >= 500);
    const range = text(await probe.send("GET", location), "range");
    assert.match(range, /^0-[03]$/);
    const from = range === "0-3" ? 4 : 0;
    const rest = "0123456789".slice(from);
    const done = await probe.send("PUT", `${location}?digest=${digest}`, {
      body: rest,
      headers: { "content-range": `${from}-9` },
    });
    assert.equal(done.status, 201);
  });

  test(`${medium} C28: a wrong digest is refused and nothing stays`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    const wrong = await probe.send("PUT", `${location}?digest=${digest}`, { body: "something else" });
    assert.equal(wrong.status, 400);
    assert.equal(wrong.code, "DIGEST_INVALID");
    assert.equal((await probe.send("HEAD", `/v2/a/blobs/${digest}`)).status, 404);
    assert.equal((await probe.send("GET", location)).status, 404);
    const whole = await probe.send("POST", `/v2/a/blobs/uploads/?digest=${digest}`, { body: "wrong" });
    assert.equal(whole.status, 400);
  });

  test(`${medium} C29: empty content, empty chunks, {}`, async () => {
    await using probe = await openProbe(medium);
    for (const part of [blob(""), blob("{}")]) {
      const location = await startUpload(probe, "a");
      assert.equal((await probe.send("PATCH", location, { body: "" })).status, 202);
      const done = await probe.send("PUT", `${location}?digest=${part.descriptor.digest}`, { body: part.bytes });
      assert.equal(done.status, 201);
      const got = await probe.send("GET", `/v2/a/blobs/${part.descriptor.digest}`);
      assert.equal(got.status, 200);
      assert.deepEqual(got.bytes, Buffer.from(part.bytes));
    }
  });

  test(`${medium}: sha512 at the end of an upload that did not announce it`, async () => {
    await using probe = await openProbe(medium);
    const long = blob("0123456789", "sha512").descriptor.digest;
    for (const start of ["", "?digest-algorithm=sha512"]) {
      const answer = await probe.send("POST", `/v2/a/blobs/uploads/${start}`);
      assert.equal(answer.status, 202);
      const location = text(answer, "location");
      await probe.send("PATCH", location, { body: "01234" });
      assert.equal((await probe.send("PUT", `${location}?digest=${long}`, { body: "56789" })).status, 201);
    }
  });

  test(`${medium} C30: ranges of a blob`, async () => {
    await using probe = await openProbe(medium);
    await putBlob(probe, "a", content);
    const get = (headers: Record<string, string>) => probe.send("GET", `/v2/a/blobs/${digest}`, { headers });
    for (const [range, expected, described] of [
      ["bytes=0-0", "0", "bytes 0-0/10"],
      ["bytes=-3", "789", "bytes 7-9/10"],
      ["bytes=4-", "456789", "bytes 4-9/10"],
      ["bytes=8-100", "89", "bytes 8-9/10"],
    ] as const) {
      const answer = await get({ range });
      assert.equal(answer.status, 206);
      assert.equal(text(answer, "content-range"), described);
      assert.equal(text(answer, "content-length"), `${expected.length}`);
      assert.equal(answer.bytes.toString(), expected);
    }
    for (const range of ["bytes=10-", "bytes=5-0", "bytes=-0"]) {
      const answer = await get({ range });
      assert.equal(answer.status, 416);
      assert.equal(text(answer, "content-range"), "bytes */10");
    }
    assert.equal((await get({ range: "bytes=0-1,4-5" })).status, 200);
    assert.equal((await get({ range: "bytes=0-1", "if-range": `"${digest}"` })).status, 206);
    assert.equal((await get({ range: "bytes=0-1", "if-range": '"other"' })).status, 200);
    assert.equal((await get({ "if-none-match": `"${digest}"` })).status, 304);
    const head = await probe.send("HEAD", `/v2/a/blobs/${digest}`);
    assert.equal(text(head, "content-length"), "10");
    assert.equal(text(head, "accept-ranges"), "bytes");
  });

  test(`${medium} C34: mounting, named and found, and what cannot be mounted`, async () => {
    await using probe = await openProbe(medium);
    await putBlob(probe, "src", content);
    const mount = (target: string, query: string) =>
      probe.send("POST", `/v2/${target}/blobs/uploads/?mount=${digest}${query}`);
    const named = await mount("named", "&from=src");
    assert.equal(named.status, 201);
    assert.equal(text(named, "location"), `/v2/named/blobs/${digest}`);
    assert.equal((await mount("anonymous", "")).status, 201);
    assert.equal((await mount("src", "&from=src")).status, 201);
    for (const name of ["named", "anonymous"]) {
      assert.equal((await probe.send("GET", `/v2/${name}/blobs/${digest}`)).bytes.toString(), "0123456789");
    }
    for (const from of ["&from=missing", "&from=..%2fx", "&from=Bad"])
      assert.equal((await mount("t", from)).status, 202, from);
    const missing = blob("missing").descriptor.digest;
    for (const from of ["", "&from=src"]) {
      const answer = await probe.send("POST", `/v2/t/blobs/uploads/?mount=${missing}${from}`);
      assert.equal(answer.status, 202);
      assert.equal((await probe.send("GET", text(answer, "location"))).status, 204);
    }
    assert.equal((await probe.send("DELETE", `/v2/src/blobs/${digest}`)).status, 202);
    assert.equal((await probe.send("GET", `/v2/src/blobs/${digest}`)).status, 404);
    assert.equal((await probe.send("GET", `/v2/named/blobs/${digest}`)).status, 200);
  });

  test(`${medium}: an upload outlives the server that began it`, async () => {
    await using probe = await openProbe(medium);
    const location = await startUpload(probe, "a");
    await probe.send("PATCH", location, { body: "01234" });
    await probe.handler[Symbol.asyncDispose]();
    await using next = createHandler(probe.registry);
    assert.equal(text(await send(next, "GET", location), "range"), "0-4");
    assert.equal((await send(next, "PUT", `${location}?digest=${digest}`, { body: "56789" })).status, 201);
  });
}

test("C31 opens no more uploads than it may", async () => {
  await using probe = await openProbe("memory", { uploads: { most: 3 } });
  const locations = [await startUpload(probe, "a"), await startUpload(probe, "b"), await startUpload(probe, "a")];
  const refused = await probe.send("POST", "/v2/a/blobs/uploads/");
  assert.equal(refused.status, 429);
  assert.equal(refused.code, "TOOMANYREQUESTS");
  assert.ok(Number(text(refused, "retry-after")) > 0);
  await probe.send("DELETE", locations[0] ?? "");
  assert.equal((await probe.send("POST", "/v2/a/blobs/uploads/")).status, 202);
});

test("C35 takes no encoded bodies", async () => {
  await using probe = await openProbe();
  const headers = { "content-encoding": "gzip" };
  const location = await startUpload(probe, "a");
  for (const [method, target] of [
    ["POST", `/v2/a/blobs/uploads/?digest=${digest}`],
    ["PATCH", location],
    ["PUT", `${location}?digest=${digest}`],
  ] as const) {
    assert.equal((await probe.send(method, target, { body: "0123456789", headers })).status, 415);
  }
  assert.equal(text(await probe.send("GET", location), "range"), "0-0");
});

test("a closing request without a digest leaves the upload open", async () => {
  await using probe = await openProbe();
  const location = await startUpload(probe, "a");
  assert.equal((await probe.send("PUT", location, { body: "0123456789" })).status, 400);
  assert.equal((await probe.send("PUT", `${location}?digest=${digest}`, { body: "0123456789" })).status, 201);
});
