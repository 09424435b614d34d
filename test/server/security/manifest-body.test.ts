import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { setTimeout as sleep } from "node:timers/promises";
import { Limits } from "../../../src/spec/limits.ts";
import { MediaType } from "../../../src/spec/media-type.ts";
import { blob, image } from "../../support/content.ts";
import type { Wire } from "../wire.ts";
import {
  files,
  MEDIA,
  openScene,
  parsed,
  putBlob,
  putImage,
  putManifest,
  type Scene,
  staged,
  startUpload,
  told,
} from "./scene.ts";

const TYPE = MediaType.ImageManifest;

function put(scene: Scene, body: string | Uint8Array, type: string = TYPE) {
  return scene.ask("PUT", "/v2/a/manifests/bad", { body, headers: { "content-type": type } });
}

for (const medium of MEDIA) {
  test(`${medium} B11, CVE-2017-11468: a body over the limit is refused before it is read, and nothing stays`, async () => {
    await using scene = await openScene(medium);
    await putImage(scene, "a", "v1");
    const before = files(scene.root, { own: true });
    for (const size of [Limits.manifest + 1, 5 * 1024 ** 2, 4 * 1024 ** 3, 2 ** 53, 1e30]) {
      await using wire = await scene.wire();
      wire.write(
        `PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-type: ${TYPE}\r\ncontent-length: ${BigInt(size)}\r\n\r\n`,
      );
      assert.match(await wire.until(/\}\]\}/), /^HTTP\/1\.1 4(?:13|00) /, `${size}`);
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
  });

  test(`${medium} B11: many clients that each send a large manifest, slowly, share a bounded memory; small ones pass`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const before = files(scene.root);
    const wires: Wire[] = [];
    const clients = 2 * Math.ceil(Limits.heldBodies / (1024 * 1024));
    for (let at = 0; at < clients; at++) {
      const wire = await scene.wire();
      wire.write(
        `PUT /v2/a/manifests/slow${at} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x\r\ncontent-length: 2000000\r\n\r\n`,
      );
      wire.write(Buffer.alloc(1024 * 1024, "x"));
      wires.push(wire);
    }
    const refused = (): number => wires.filter(({ received }) => received.startsWith("HTTP/1.1 429 ")).length;
    // What one of them may hold for nothing lets a few more in.
    while (refused() < clients / 2 - 4) await sleep(5);
    assert.ok(wires.some(({ received }) => received === ""));
    assert.equal((await putManifest(scene, "a", manifest, "v2")).status, 201);
    for (const wire of wires) await wire[Symbol.asyncDispose]();
    await scene.ended(clients + 4);
    const large = Buffer.alloc(Limits.manifest, "y");
    const replies = await Promise.all(Array.from({ length: 4 }, () => put(scene, large, "application/x")));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([201]), "all of it was given back");
    const now = files(scene.root);
    for (const name of Object.keys(before)) if (name.includes("/blobs/")) assert.equal(now[name], before[name]);
    assert.deepEqual(staged(scene.root), []);
  });

  test(`${medium} B16: documents that two readers would read differently are refused, in a short sentence`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const before = files(scene.root);
    const good = Buffer.from(manifest.bytes).toString();
    const long = "x".repeat(1_000_000);
    const bad: readonly (string | Uint8Array)[] = [
      Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from([0xff]), Buffer.from("}")]),
      Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from(',"a":"\xc0\xaf"}', "latin1")]),
      `\ufeff${good}`,
      `${good}\0`,
      `${good}{}`,
      good.replace("{", '{"__proto__":{"size":0},'),
      good.replace("{", '{"\\u005f_proto__":{"size":0},'),
      good.replace("{", '{"annotations":{"__proto__":"x"},'),
      good.replace("{", '{"schemaVersion":1,'),
      good.replace("{", '{"schema\\u0056ersion":2,'),
      good.replace("{", `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)},`),
      good.replace("{", `{"x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)},`),
      good.replace("{", `{"x":${"9".repeat(1_000_000)},`),
      good.replace(/"size":\d+/, '"size":1e400'),
      good.replace(/"size":\d+/, '"size":-1'),
      good.replace(/"size":\d+/, '"size":1.5'),
      good.replace(/"size":\d+/, '"size":"3"'),
      good.replace(/"size":\d+/, '"size":9007199254740993'),
      good.replace(/"digest":"[^"]*"/, `"digest":"sha256:${long}"`),
      good.replace(/"digest":"[^"]*"/, '"digest":"sha256:../../../../etc/passwd"'),
      good.replace(/"mediaType":"[^"]*"/, `"mediaType":"${long}"`),
      good.replace(/"config":\{"mediaType":"[^"]*"/, `"config":{"mediaType":"${long}"`),
      good.replace(/"config":\{"mediaType":"[^"]*"/, `"config":{"mediaType":{"${long}":[]}`),
      good.replace("{", `{"annotations":{"${long}":1},`),
      good.replace("{", `{"artifactType":["${long}"],`),
      good.replace("{", `{"subject":"${long}",`),
      "null",
      "[]",
      "3",
      '"x"',
      "",
      "{}",
      "{",
      "[".repeat(1_000_000),
    ];
    for (const body of bad) {
      const reply = await put(scene, body);
      const what = Buffer.from(body).toString().slice(0, 80);
      assert.equal(reply.status, 400, what);
      assert.match(reply.code ?? "", /^(?:MANIFEST|DIGEST)_INVALID$/, what);
      assert.ok(reply.bytes.length < 2000, `${reply.bytes.length} bytes of error for ${what}`);
      const { error } = await told(scene, reply);
      assert.ok(error instanceof Error && error.message.length < 1000, "what goes to the log is short too");
    }
    assert.equal((await scene.ask("GET", "/v2/a/manifests/bad")).status, 404);
    assert.deepEqual(files(scene.root), before);
    assert.deepEqual(staged(scene.root), []);
  });

  test(`${medium} B12, B13, CVE-2021-41190: a document is of one type, whatever it is sent as`, async () => {
    await using scene = await openScene(medium);
    const { manifest, blobs } = image("one type");
    for (const part of blobs) await putBlob(scene, "a", part);
    const before = files(scene.root);
    const document = JSON.parse(Buffer.from(manifest.bytes).toString()) as Record<string, unknown>;
    const { mediaType: _mediaType, ...untyped } = document;
    const both = { ...untyped, manifests: [] };
    const types = [TYPE, MediaType.ImageIndex, MediaType.DockerManifest, MediaType.DockerManifestList];
    for (const type of [...types, "application/vnd.acme+json", "application/json", "text/html"]) {
      if (type !== TYPE) assert.equal((await put(scene, manifest.bytes, type)).status, 400, type);
      assert.equal((await put(scene, JSON.stringify(both), type)).status, 400, type);
      assert.equal((await put(scene, JSON.stringify({ ...both, mediaType: TYPE }), type)).status, 400, type);
      assert.equal((await put(scene, JSON.stringify({ ...both, mediaType: MediaType.ImageIndex }), type)).status, 400);
    }
    assert.equal((await put(scene, JSON.stringify(untyped), MediaType.ImageIndex)).status, 400);
    assert.deepEqual(files(scene.root), before);

    // B13: what says nothing of itself has one type from then on, under every name and for every Accept.
    const plain = JSON.stringify(untyped);
    const first = await scene.ask("PUT", "/v2/a/manifests/v1", { body: plain, headers: { "content-type": TYPE } });
    assert.equal(first.status, 201);
    const digest = String(first.headers["docker-content-digest"]);
    const renamed = await put(scene, plain, MediaType.DockerManifest);
    assert.equal(renamed.status, 400);
    for (const name of ["v1", digest]) {
      for (const accept of ["", MediaType.ImageIndex, "*/*", "text/html, x/y;q=0.1"]) {
        const got = await scene.ask("GET", `/v2/a/manifests/${name}`, { headers: accept === "" ? {} : { accept } });
        assert.equal(got.status, 200);
        assert.equal(got.headers["content-type"], TYPE);
        assert.equal(got.headers["x-content-type-options"], "nosniff");
        assert.equal(got.bytes.toString(), plain);
      }
    }
  });

  test(`${medium} B15: another content under a digest is refused; what was there stays as it was`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const before = files(scene.root);
    const other = Buffer.from(`${Buffer.from(manifest.bytes).toString()} `);
    for (const query of ["", "?tag=v1&tag=v2"]) {
      const reply = await scene.ask("PUT", `/v2/a/manifests/${manifest.descriptor.digest}${query}`, {
        body: other,
        headers: { "content-type": TYPE },
      });
      assert.equal(reply.status, 400);
      assert.equal(reply.code, "DIGEST_INVALID");
    }
    assert.deepEqual(files(scene.root), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
  });

  test(`${medium} C35: an encoded body is not taken, neither a manifest nor a blob, and nothing of it stays`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const packed = gzipSync(manifest.bytes);
    const { digest } = blob(packed).descriptor;
    const upload = await startUpload(scene, "a");
    const before = files(scene.root, { own: true });
    for (const coding of ["gzip", "zstd", "br", "gzip, ".repeat(100)]) {
      const headers = { "content-type": "application/x", "content-encoding": coding };
      for (const [method, target] of [
        ["PUT", "/v2/a/manifests/v2"],
        ["PUT", `/v2/a/manifests/${digest}`],
        ["POST", `/v2/a/blobs/uploads/?digest=${digest}`],
        ["PATCH", upload],
        ["PUT", `${upload}?digest=${digest}`],
      ] as const) {
        assert.equal((await scene.ask(method, target, { body: packed, headers })).status, 415, `${method} ${coding}`);
      }
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
    assert.equal((await scene.ask("GET", upload)).headers["range"], "0-0", "the upload is as it was");
  });

  test(`${medium} B11: a body without an end is cut off at the limit, and the server goes on`, async () => {
    await using scene = await openScene(medium);
    await putImage(scene, "a", "v1");
    const before = files(scene.root, { own: true });
    await using wire = await scene.wire();
    wire.write(
      `PUT /v2/a/manifests/v2 HTTP/1.1\r\nhost: x\r\ncontent-type: ${TYPE}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(0x100000, " "), Buffer.from("\r\n")]);
    let sent = 0;
    // Each chunk waits until the one before has gone: what the server does not take does not pile up here.
    for (; wire.socket.writable && sent < 4096; sent++) {
      wire.write(chunk);
      while (wire.socket.writableLength > 0 && wire.socket.writable) await sleep(1);
    }
    assert.match(await wire.closed(), /^HTTP\/1\.1 413 .*SIZE_INVALID/s);
    assert.ok(sent < 100, `${sent} MiB were taken`);
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 200);
  });
}
