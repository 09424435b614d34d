import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Verdict } from "../../../src/server/authorize.ts";
import { blob, image } from "../../support/content.ts";
import { descriptors, files, MEDIA, openScene, parsed, putBlob, putImage } from "./scene.ts";

const content = blob("0123456789");
const { digest } = content.descriptor;

for (const medium of MEDIA) {
  test(`${medium} A8: a guard behind thousands of header fields holds all the same`, async () => {
    await using scene = await openScene(medium);
    const first = (await putImage(scene, "a", "v1")).manifest;
    const next = (await putImage(scene, "a", "v2")).manifest;
    const before = files(scene.root);
    await using wire = await scene.wire();
    wire.write(
      `PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-type: ${next.descriptor.mediaType}\r\n` +
        `content-length: ${next.bytes.length}\r\nconnection: close\r\n${"a:\r\n".repeat(2500)}if-none-match: *\r\n\r\n`,
    );
    wire.write(next.bytes);
    assert.match(await wire.closed(), /^HTTP\/1\.1 412 /);
    const head = await scene.ask("HEAD", "/v2/a/manifests/v1");
    assert.equal(head.headers["docker-content-digest"], first.descriptor.digest);
    assert.deepEqual(files(scene.root), before);
  });

  test(`${medium} A8: heads and targets that are too long are refused before anybody looks at them`, async () => {
    await using scene = await openScene(medium);
    await putImage(scene, "a", "v1");
    const before = files(scene.root, { own: true });
    const heard = scene.events.length;
    const long = "a".repeat(100_000);
    for (const head of [
      `GET /v2/${long}/tags/list HTTP/1.1\r\nhost: x\r\n\r\n`,
      `POST /v2/a/blobs/uploads/?digest=${long} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\nx-long: ${"y".repeat(20_000)}\r\n\r\n`,
      `POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\n${"x: 1234\r\n".repeat(5000)}\r\n`,
    ]) {
      await using wire = await scene.wire();
      wire.write(head);
      assert.match(await wire.closed(), /^HTTP\/1\.1 431 .*"errors":/s, head.slice(0, 60));
    }
    assert.equal(scene.events.length, heard, "none of them became a request");
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
  });

  test(`${medium} A10: what two parsers would read differently is refused, and what it hid is never heard`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const before = files(scene.root, { own: true });
    const hidden = `DELETE /v2/a/manifests/${manifest.descriptor.digest} HTTP/1.1\r\nhost: x\r\n\r\n`;
    for (const head of [
      "content-length: 5\r\ntransfer-encoding: chunked\r\n",
      "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
      "content-length: 5\r\ncontent-length: 6\r\n",
      "content-length: 5, 6\r\n",
      "content-length : 5\r\n",
      "content-length: +5\r\n",
      "transfer-encoding: chunked, identity\r\n",
      "transfer-encoding : chunked\r\n",
      "transfer-encoding: xchunked\r\n",
      "x: y\n content-length: 5\r\n",
    ]) {
      await using wire = await scene.wire();
      wire.write(`POST /v2/b/blobs/uploads/ HTTP/1.1\r\nhost: x\r\n${head}\r\n0\r\n\r\n${hidden}`);
      const got = await wire.closed();
      assert.match(got, /^HTTP\/1\.1 400 /, head);
      assert.equal(got.split("HTTP/1.1 ").length, 2, "only one answer");
    }
    await using bare = await scene.wire();
    bare.write("DELETE /v2/a/manifests/v1 HTTP/1.1\nhost: x\n\n");
    assert.match(await bare.closed(), /^HTTP\/1\.1 400 /);
    assert.ok(scene.events.every(({ method }) => method !== "DELETE"));
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 200);
  });

  test(`${medium} A10: requests sent in one go are answered one by one, and a flood of them ends its connection alone`, async () => {
    let running = 0;
    let most = 0;
    await using scene = await openScene(medium, {
      authorize: async (): Promise<Verdict> => {
        running += 1;
        most = Math.max(most, running);
        await sleep(1);
        running -= 1;
        return "allow";
      },
    });
    await putBlob(scene, "a", content);
    const get = `GET /v2/a/blobs/${digest} HTTP/1.1\r\nhost: x\r\n\r\n`;
    await using polite = await scene.wire();
    polite.write(get.repeat(50));
    while (polite.received.split("\r\n0123456789").length <= 50) await sleep(5);
    assert.equal(most, 1);
    const base = descriptors();
    await using flood = await scene.wire();
    flood.write(get.repeat(5000));
    const got = await flood.closed();
    assert.ok(got.split("HTTP/1.1 ").length < 200, "most were never answered");
    assert.ok(most <= 2, `${most} at once`);
    assert.ok(descriptors() <= base);
    polite.received = "";
    polite.write(get);
    assert.match(await polite.until(/0123456789/), /^HTTP\/1\.1 200 /);
  });

  test(`${medium} A10: what is no HTTP never becomes part of an answer that is on its way`, async () => {
    await using scene = await openScene(medium);
    const big = blob(Buffer.alloc(16 * 1024 * 1024, "x"));
    await putBlob(scene, "a", big);
    await scene.ended(1);
    await using wire = await scene.wire();
    const heard = scene.events.length;
    wire.write(`GET /v2/a/blobs/${big.descriptor.digest} HTTP/1.1\r\nhost: x\r\n\r\n`);
    // Once the answer is on its way, most of it waits at the server for a client that does not read.
    await once(wire.socket, "more");
    wire.socket.pause();
    wire.write("garbage\r\n\r\n");
    await scene.ended(heard + 1);
    wire.socket.resume();
    const got = await wire.closed();
    assert.match(got, /^HTTP\/1\.1 200 /);
    assert.match(got.slice(got.indexOf("\r\n\r\n") + 4), /^x*$/);
    assert.ok(got.length < big.bytes.length, "the answer was cut off");
  });

  test(`${medium} A10: a connection that was refused is gone, also when its client never closes it`, async () => {
    await using scene = await openScene(medium);
    const base = descriptors();
    const sockets = Array.from({ length: 20 }, () =>
      connect({ host: scene.server.address.address, port: scene.server.address.port, allowHalfOpen: true }),
    );
    for (const [at, socket] of sockets.entries()) {
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(at % 2 === 0 ? "garbage\r\n\r\n" : "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    for (const socket of sockets) await once(socket.resume(), "end");
    // The client's own ends of the connections stay open; the server's do not.
    while (descriptors() > base + sockets.length) await sleep(50);
    for (const socket of sockets) socket.destroy();
    assert.equal((await scene.ask("GET", "/v2/")).status, 200);
  });

  test(`${medium} A7, A8: odd methods, upgrades, endless trailers and chunk extensions change nothing`, async () => {
    await using scene = await openScene(medium);
    await putImage(scene, "a", "v1");
    const before = files(scene.root, { own: true });
    const chunked = "transfer-encoding: chunked\r\n\r\n";
    for (const [request, expected] of [
      ["CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", /^HTTP\/1\.1 405 .*UNSUPPORTED/s],
      [
        "TRACE /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncookie: secret\r\nconnection: close\r\n\r\n",
        /^HTTP\/1\.1 405 /,
      ],
      [`${"M".repeat(10_240)} /v2/ HTTP/1.1\r\nhost: x\r\n\r\n`, /^HTTP\/1\.1 400 /],
      ["GET /v2/ HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
      ["GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n", /^HTTP\/1\.1 200 /],
      [`GET /v2/\u001b[31m HTTP/1.1\r\nhost: x\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [`PUT /v2/a/manifests/v2 HTTP/1.1\r\nhost: x\r\n${chunked}1;${"x".repeat(100_000)}\r\n{`, /^HTTP\/1\.1 4\d\d /],
      [
        `PUT /v2/a/manifests/v2 HTTP/1.1\r\nhost: x\r\n${chunked}1\r\n{\r\n0\r\n${"x: y\r\n".repeat(50_000)}`,
        /^HTTP\/1\.1 4\d\d /,
      ],
      [`PUT /v2/a/manifests/v2 HTTP/1.1\r\nhost: x\r\n${chunked}ffffffffffffffff0\r\n{`, /^HTTP\/1\.1 4\d\d /],
    ] as const) {
      await using wire = await scene.wire();
      wire.write(request);
      const got = await wire.closed();
      assert.match(got, expected, request.slice(0, 80));
      assert.doesNotMatch(got, /secret/);
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
  });

  test(`${medium} CVE-2021-41190: two Content-Types are none`, async () => {
    await using scene = await openScene(medium);
    const { manifest, blobs } = image("two");
    for (const part of blobs) await putBlob(scene, "a", part);
    const before = files(scene.root);
    await using wire = await scene.wire();
    const types = [manifest.descriptor.mediaType, "application/vnd.oci.image.index.v1+json"];
    wire.write(
      `PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${manifest.bytes.length}\r\n` +
        `${types.map((type) => `content-type: ${type}\r\n`).join("")}\r\n`,
    );
    wire.write(manifest.bytes);
    assert.match(await wire.closed(), /^HTTP\/1\.1 400 .*MANIFEST_INVALID/s);
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 404);
    assert.equal((await scene.ask("GET", `/v2/a/manifests/${manifest.descriptor.digest}`)).status, 404);
    assert.deepEqual(files(scene.root), before);
  });

  test(`${medium} A9: no address comes from Host, X-Forwarded-* or an absolute target`, async () => {
    await using scene = await openScene(medium, {
      authorize: (_who, { action }) => (action === "delete" ? "deny" : "allow"),
    });
    await putImage(scene, "a", "v1");
    await putImage(scene, "a", "v2");
    const headers = {
      host: "evil.example",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "gopher",
      forwarded: "host=evil.example",
    };
    for (const [method, target] of [
      ["POST", "http://evil.example/v2/a/blobs/uploads/"],
      ["POST", `/v2/a/blobs/uploads/?digest=${digest}`],
      ["GET", "/v2/a/tags/list?n=1"],
      ["GET", "/v2/_catalog?n=1"],
      ["DELETE", "/v2/a/manifests/v1"],
      ["GET", "/v2/none/manifests/v1"],
    ] as const) {
      const reply = await scene.ask(method, target, {
        headers,
        ...(target.includes("digest") ? { body: content.bytes } : {}),
      });
      assert.doesNotMatch(JSON.stringify(reply.headers) + reply.bytes.toString(), /evil|gopher/, target);
    }
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/_catalog")), { repositories: ["a"] });
  });
}
