import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { blob } from "../../support/content.ts";
import { descriptors, files, MEDIA, openScene, putBlob, staged, startUpload } from "./scene.ts";

const KIB = 1024;

for (const medium of MEDIA) {
  test(`${medium} C31: 10,000 uploads that nobody finishes take a thousand places and no more`, async () => {
    await using scene = await openScene(medium);
    const base = descriptors();
    let opened = 0;
    let refused = 0;
    for (let round = 0; round < 100; round++) {
      const replies = await Promise.all(
        Array.from({ length: 100 }, (_, at) => scene.ask("POST", `/v2/r${at % 7}/blobs/uploads/`)),
      );
      for (const { status, headers, code } of replies) {
        if (status === 202) opened += 1;
        else {
          assert.equal(status, 429);
          assert.equal(code, "TOOMANYREQUESTS");
          assert.ok(Number(headers["retry-after"]) > 0);
          refused += 1;
        }
      }
    }
    assert.equal(opened, 1000);
    assert.equal(refused, 9000);
    assert.equal(staged(scene.root).length, 1000);
    assert.ok(readdirSync(scene.root, { recursive: true }).length < 1100);
    // Beside the connections of this client.
    assert.ok(descriptors() - base < 1200);
    // Whole blobs in one request and reading go on.
    const other = blob("other");
    assert.equal((await putBlob(scene, "r0", other)).status, 201);
    assert.equal((await scene.ask("GET", `/v2/r0/blobs/${other.descriptor.digest}`)).status, 200);
    await scene.restart();
    while (descriptors() - base >= 20) await sleep(20);
  });

  test(`${medium} C31: uploads begun at the same time do not all get the last place`, async () => {
    await using scene = await openScene(medium, { uploads: { most: 3 } });
    const replies = await Promise.all(Array.from({ length: 40 }, () => scene.ask("POST", "/v2/a/blobs/uploads/")));
    assert.equal(replies.filter(({ status }) => status === 202).length, 3);
    assert.equal(replies.filter(({ status }) => status === 429).length, 37);
    assert.equal(staged(scene.root).length, 3);
  });

  test(`${medium} C31: a blob over the size that is allowed is refused, announced, ranged, streamed or in parts`, async () => {
    await using scene = await openScene(medium, { maxBlobSize: 100 * KIB });
    const fits = blob(Buffer.alloc(100 * KIB, "a"));
    assert.equal((await putBlob(scene, "a", fits)).status, 201);
    const before = files(scene.root);
    const large = blob(Buffer.alloc(100 * KIB + 1, "b"));
    const { digest } = large.descriptor;
    const refused = await putBlob(scene, "a", large);
    assert.equal(refused.status, 413);
    assert.equal(refused.code, "SIZE_INVALID");

    for (const [method, query] of [
      ["PATCH", ""],
      ["PUT", `?digest=${digest}`],
    ] as const) {
      const announced = await startUpload(scene, "a");
      await using wire = await scene.wire();
      // Not one byte of the body was sent.
      wire.write(`${method} ${announced}${query} HTTP/1.1\r\nhost: x\r\ncontent-length: ${100 * KIB + 1}\r\n\r\n`);
      assert.match(await wire.until(/\}\]\}/), /^HTTP\/1\.1 413 .*SIZE_INVALID/s);
      assert.equal((await scene.ask("GET", announced)).status, 404);

      const parts = await startUpload(scene, "a");
      const body = Buffer.alloc(60 * KIB, "c");
      assert.equal((await scene.ask("PATCH", parts, { body })).status, 202);
      assert.equal((await scene.ask(method, `${parts}${query}`, { body })).status, 413);
      assert.equal((await scene.ask("GET", parts)).status, 404);

      const streamed = await startUpload(scene, "a");
      await using chunked = await scene.wire();
      chunked.write(`${method} ${streamed}${query} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
      const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(64 * KIB), Buffer.from("\r\n")]);
      for (let at = 0; at < 3; at++) chunked.write(chunk);
      assert.match(await chunked.until(/\}\]\}/), /^HTTP\/1\.1 413 .*connection: close/is);
      assert.equal((await scene.ask("GET", streamed)).status, 404);
    }
    const ranged = await startUpload(scene, "a");
    const headers = { "content-range": `0-${100 * KIB}` };
    assert.equal((await scene.ask("PATCH", ranged, { headers, body: large.bytes })).status, 413);
    assert.equal((await scene.ask("HEAD", `/v2/a/blobs/${digest}`)).status, 404);
    assert.deepEqual(staged(scene.root), []);
    assert.deepEqual(files(scene.root), before);
  });
}
