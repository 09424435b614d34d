import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { blob } from "../../support/content.ts";
import { descriptors, files, MEDIA, openScene, putBlob, type Scene, staged, startUpload } from "./scene.ts";

const content = blob("0123456789");
const { digest } = content.descriptor;

function idOf(location: string): string {
  return location.slice(location.lastIndexOf("/") + 1);
}

/** The bytes an upload holds by its own word. */
async function held(scene: Scene, location: string): Promise<number> {
  const { status, headers } = await scene.ask("GET", location);
  assert.equal(status, 204);
  return headers["range"] === "0-0" ? 0 : Number(String(headers["range"]).slice(2)) + 1;
}

for (const medium of MEDIA) {
  test(`${medium} C24, CVE-2022-31667, CVE-2022-31669, CVE-2022-31670, CVE-2022-31671: an id is good in its repository alone, and cannot be guessed, forged or used again`, async () => {
    await using scene = await openScene(medium);
    const location = await startUpload(scene, "a");
    await scene.ask("PATCH", location, { body: "01234" });
    await putBlob(scene, "b", content);
    const id = idOf(location);
    const before = files(scene.root, { own: true });
    const ids = [
      ["b", id],
      ["a/b", id],
      ["new", id],
      ["a", `${id}0`],
      ["a", id.slice(1)],
      ["a", id.toUpperCase().replaceAll(/[0-9]/g, "A")],
      ["a", "0".repeat(id.length)],
      ["a", "..%2f..%2findex.json"],
      ["a", "../../index.json"],
      ["a", `${id}%00`],
      ["a", `${id}%2e`],
      ["a", "%2e%2e"],
      ["a", "x".repeat(10_000)],
    ] as const;
    for (const [name, wrong] of ids) {
      for (const [method, body] of [
        ["GET", undefined],
        ["PATCH", "56789"],
        ["PUT", "56789"],
        ["DELETE", undefined],
      ] as const) {
        const target = `/v2/${name}/blobs/uploads/${wrong}?digest=${digest}&_state=${id}&offset=5`;
        const reply = await scene.ask(method, target, body === undefined ? {} : { body });
        assert.ok([400, 404, 405].includes(reply.status), `${method} ${target.slice(0, 100)}: ${reply.status}`);
        assert.doesNotMatch(JSON.stringify(reply.headers), new RegExp(id), "it is not told");
      }
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.equal(await held(scene, location), 5);
    const finished = await scene.ask("PUT", `${location}?digest=${digest}`, { body: "56789" });
    assert.equal(finished.status, 201);
    for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
      const reply = await scene.ask(method, `${location}?digest=${digest}`);
      assert.equal(reply.status, 404, method);
      assert.equal(reply.code, "BLOB_UPLOAD_UNKNOWN");
    }
    const others = await Promise.all(Array.from({ length: 50 }, () => startUpload(scene, "a")));
    const fresh = new Set(others.map(idOf));
    assert.equal(fresh.size, 50);
    for (const each of fresh) assert.match(each, /^[0-9a-f]{32,}$|^[A-Za-z0-9_-]{22,}$/, "at least 128 bits");
  });

  test(`${medium} C25: a chunk that does not fit changes nothing on the disk, and the upload goes on`, async () => {
    await using scene = await openScene(medium);
    const location = await startUpload(scene, "a");
    await scene.ask("PATCH", location, { body: "01234", headers: { "content-range": "0-4" } });
    const before = files(scene.root, { own: true });
    for (const [range, status] of [
      ["0-4", 416],
      ["6-10", 416],
      ["4-8", 416],
      ["5-2", 416],
      ["5-20", 416],
      ["9007199254740993-9007199254740997", 416],
      ["9".repeat(40), 400],
      ["5-", 400],
      ["-5", 400],
      ["0x5-9", 400],
      ["5 - 9", 400],
      ["5-9, 10-11", 400],
      ["bytes */10", 400],
    ] as const) {
      for (const method of ["PATCH", "PUT"]) {
        const reply = await scene.ask(method, `${location}?digest=${digest}`, {
          body: "56789",
          headers: { "content-range": range },
        });
        assert.equal(reply.status, status, `${method} ${range}`);
        if (status === 416) assert.equal(reply.headers["range"], "0-4");
        assert.deepEqual(files(scene.root, { own: true }), before, `${method} ${range}`);
      }
    }
    const mismatched = await scene.wire();
    await using wire = mismatched;
    wire.write(`PATCH ${location} HTTP/1.1\r\nhost: x\r\ncontent-range: 5-9\r\ntransfer-encoding: chunked\r\n\r\n`);
    wire.write("14\r\n56789567895678956789\r\n0\r\n\r\n");
    assert.match(await wire.until(/\}\]\}/), /^HTTP\/1\.1 416 /);
    assert.equal(await held(scene, location), 5, "not a byte too many");
    const done = await scene.ask("PUT", `${location}?digest=${digest}`, {
      body: "56789",
      headers: { "content-range": "5-9" },
    });
    assert.equal(done.status, 201);
  });

  test(`${medium} C26: writers at the same time never mix their bytes, and one closing wins`, async () => {
    await using scene = await openScene(medium);
    for (let round = 0; round < 5; round++) {
      const part = blob(Buffer.alloc(200_000, `round ${round} `));
      const location = await startUpload(scene, "a");
      const patches = await Promise.all(
        Array.from({ length: 6 }, (_, at) =>
          scene.ask("PATCH", location, { body: at === 0 ? part.bytes : Buffer.alloc(200_000, `x${at}`) }),
        ),
      );
      const taken = patches.filter(({ status }) => status === 202);
      assert.ok(taken.length >= 1);
      for (const { status } of patches) assert.ok(status === 202 || status === 416, `${status}`);
      assert.equal(await held(scene, location), taken.length * 200_000);
      const [first] = patches;
      const closings = await Promise.all(
        Array.from({ length: 4 }, () => scene.ask("PUT", `${location}?digest=${part.descriptor.digest}`)),
      );
      const created = closings.filter(({ status }) => status === 201).length;
      // Only where exactly the right one was taken is it this blob.
      assert.equal(created, taken.length === 1 && first?.status === 202 ? 1 : 0);
      for (const { status } of closings) assert.ok([201, 400, 404, 416].includes(status), `${status}`);
      const got = await scene.ask("GET", `/v2/a/blobs/${part.descriptor.digest}`);
      assert.equal(got.status, created === 1 ? 200 : 404);
      if (created === 1) assert.deepEqual(got.bytes, Buffer.from(part.bytes));
    }
    assert.deepEqual(staged(scene.root), []);
  });

  test(`${medium} C27: a body that breaks off commits nothing; what is told is what is held, also after a restart`, async () => {
    await using scene = await openScene(medium);
    const location = await startUpload(scene, "a");
    const wire = await scene.wire();
    wire.write(`PATCH ${location} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n01234`);
    while ((await held(scene, location)) < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    const soFar = scene.events.length;
    wire.socket.resetAndDestroy();
    await scene.ended(soFar + 1);
    const whole = await scene.wire();
    whole.write(`POST /v2/a/blobs/uploads/?digest=${digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0123`);
    whole.socket.end();
    await whole.closed();
    const before = files(scene.root);
    assert.equal(
      Object.keys(before).some((name) => name.includes(digest.slice(7))),
      false,
    );
    await scene.restart();
    assert.equal((await scene.ask("HEAD", `/v2/a/blobs/${digest}`)).status, 404);
    assert.equal(await held(scene, location), 5);
    assert.equal(staged(scene.root).length, 1);
    const done = await scene.ask("PUT", `${location}?digest=${digest}`, {
      body: "56789",
      headers: { "content-range": "5-9" },
    });
    assert.equal(done.status, 201);
    assert.equal((await scene.ask("GET", `/v2/a/blobs/${digest}`)).bytes.toString(), "0123456789");
  });

  test(`${medium} C28, C29: a wrong digest leaves nothing, neither a blob nor space; empty content is content`, async () => {
    await using scene = await openScene(medium);
    await putBlob(scene, "a", content);
    const base = descriptors();
    const before = files(scene.root, { own: true });
    const wrong = blob("what was announced").descriptor.digest;
    const body = Buffer.alloc(3_000_000, "w");
    for (const target of [wrong, blob("x", "sha512").descriptor.digest]) {
      const location = await startUpload(scene, "a");
      await scene.ask("PATCH", location, { body });
      const reply = await scene.ask("PUT", `${location}?digest=${target}`, { body });
      assert.equal(reply.status, 400);
      assert.equal(reply.code, "DIGEST_INVALID");
      assert.equal((await scene.ask("GET", location)).status, 404);
      assert.equal((await scene.ask("POST", `/v2/a/blobs/uploads/?digest=${target}`, { body })).status, 400);
      assert.equal((await scene.ask("HEAD", `/v2/a/blobs/${target}`)).status, 404);
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
    while (descriptors() > base + 1) await sleep(20);
    for (const part of [blob(""), blob("{}"), blob("", "sha512")]) {
      assert.equal((await putBlob(scene, "e", part)).status, 201);
      const got = await scene.ask("GET", `/v2/e/blobs/${part.descriptor.digest}`);
      assert.equal(got.status, 200);
      assert.deepEqual(got.bytes, Buffer.from(part.bytes));
      assert.equal(
        (await scene.ask("GET", `/v2/e/blobs/${part.descriptor.digest}`, { headers: { range: "bytes=0-" } })).status,
        part.bytes.length === 0 ? 416 : 206,
      );
    }
  });
}
