import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { blob } from "../../support/content.ts";
import type { Wire } from "../wire.ts";
import { descriptors, files, MEDIA, openScene, putBlob, putImage, staged, startUpload } from "./scene.ts";

/** Clients that leave in the middle, of each kind. */
const LEAVERS = Number(process.env["BERTH_TEST_ABORTS"] ?? 40);
/** Sockets that say nothing. */
const SILENT = 300;

for (const medium of MEDIA) {
  test(`${medium} C32: clients that drip, stall or say nothing are cut off, and others are served all the while`, async () => {
    await using scene = await openScene(medium);
    // More than the kernel holds for a connection.
    const big = blob(Buffer.alloc(64 * 1024 * 1024, "x"));
    const small = blob("small");
    await putBlob(scene, "a", big);
    await putBlob(scene, "a", small);
    // Impatient only from here on: pushing 64 MiB may take a slow machine longer.
    await scene.restart({ headersTimeout: 500, pace: { patience: 600, bytesPerSecond: 1000 } });
    await scene.ask("GET", "/v2/");
    const base = descriptors();
    const wires: Wire[] = [];
    for (let at = 0; at < SILENT; at++) wires.push(await scene.wire());
    const dripping: Wire[] = [];
    for (let at = 0; at < 10; at++) {
      const [head, body, chunked, manifest, reader] = [
        await scene.wire(),
        await scene.wire(),
        await scene.wire(),
        await scene.wire(),
        await scene.wire(),
      ];
      head.write("GET /v2/ HTTP/1.1\r\nx");
      body.write(`PATCH ${await startUpload(scene, "a")} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n`);
      chunked.write(
        `POST /v2/a/blobs/uploads/?digest=${small.descriptor.digest} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n100000\r\n`,
      );
      manifest.write(
        "PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-type: a/b\r\ncontent-length: 100000\r\n\r\n",
      );
      reader.write(`GET /v2/a/blobs/${big.descriptor.digest} HTTP/1.1\r\nhost: x\r\n\r\n`);
      reader.socket.pause();
      dripping.push(head, body, chunked, manifest);
      wires.push(head, body, chunked, manifest, reader);
    }
    const drip = setInterval(() => {
      for (const wire of dripping) wire.write("z");
    }, 50);
    const until = (async () => {
      // A paused socket does not see its end.
      await Promise.all(wires.filter(({ socket }) => !socket.isPaused()).map((wire) => wire.closed()));
      return "closed" as const;
    })();
    do {
      assert.equal((await scene.ask("GET", `/v2/a/blobs/${small.descriptor.digest}`)).bytes.toString(), "small");
    } while ((await Promise.race([until, sleep(20, "open" as const)])) === "open");
    clearInterval(drip);
    const readers = wires.filter(({ socket }) => socket.isPaused());
    // Until the server has given up on them each has two more: the server's end of it, and the blob's file.
    while (descriptors() > base + readers.length + 12) await sleep(20);
    for (const wire of readers) {
      // What was sent lies in the kernel, the rest never comes.
      wire.socket.resume();
      assert.ok((await wire.closed()).length < big.bytes.length);
    }
    for (const wire of wires) await wire[Symbol.asyncDispose]();
    // What is left are the uploads, which may go on.
    while (descriptors() > base + 12) await sleep(20);
    assert.equal(staged(scene.root).length, 10);
    assert.equal((await scene.ask("GET", "/v2/a/manifests/v1")).status, 404);
  });

  test(`${medium} C33: ${LEAVERS * 8} clients that leave in every phase take no descriptor, no file and no lock with them`, async () => {
    await using scene = await openScene(medium);
    const big = blob(Buffer.alloc(4 * 1024 * 1024, "x"));
    const { digest } = big.descriptor;
    await putBlob(scene, "a", big);
    const { manifest } = await putImage(scene, "a", "v1");
    const upload = await startUpload(scene, "a");
    const before = files(scene.root);
    const base = descriptors();
    const host = "HTTP/1.1\r\nhost: x\r\n";
    const type = `content-type: ${manifest.descriptor.mediaType}\r\n`;
    const phases = [
      "GET /v2/a/bl",
      `GET /v2/a/blobs/${digest} ${host}\r\n`,
      `GET /v2/a/blobs/${digest} ${host}range: bytes=100-\r\n\r\n`,
      `POST /v2/a/blobs/uploads/?digest=${digest} ${host}content-length: ${big.bytes.length}\r\n\r\nxxxx`,
      `POST /v2/a/blobs/uploads/?digest=${digest} ${host}transfer-encoding: chunked\r\n\r\n10\r\nxxxx`,
      `PATCH ${upload} ${host}content-length: 100\r\n\r\n`,
      `PUT /v2/a/manifests/v2 ${host}${type}content-length: 100000\r\n\r\n{`,
      `GET /v2/a/tags/list ${host}\r\nGET /v2/_catalog ${host}\r\nDELETE /v2/a/manifests/none ${host}\r\n`,
    ];
    for (let round = 0; round < LEAVERS; round++) {
      const wires = await Promise.all(phases.map(() => scene.wire()));
      for (const [at, wire] of wires.entries()) wire.write(phases[at] ?? "");
      await sleep(round % 8);
      for (const [at, wire] of wires.entries()) {
        if ((round + at) % 3 === 0) wire.socket.end();
        else wire.socket.resetAndDestroy();
      }
      for (const wire of wires) wire.socket.destroy();
      for (const wire of wires) await wire.closed();
    }
    while (descriptors() > base) await sleep(20);
    while (staged(scene.root).length > 1) await sleep(20);
    assert.deepEqual(files(scene.root), before);
    // The lock of the upload is free: it ends as it should.
    assert.equal((await scene.ask("DELETE", upload)).status, 204);
    assert.equal(
      (
        await scene.ask("PUT", "/v2/a/manifests/v2", {
          headers: { "content-type": manifest.descriptor.mediaType },
          body: manifest.bytes,
        })
      ).status,
      201,
    );
    assert.deepEqual((await scene.ask("GET", `/v2/a/blobs/${digest}`)).bytes, Buffer.from(big.bytes));
  });
}
