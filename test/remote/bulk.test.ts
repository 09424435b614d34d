import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { blob, readAll } from "../support/content.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

/** Some buffers' worth, nowhere the same. */
const CONTENT = Buffer.from(Uint32Array.from({ length: 2_000_000 }, (_, at) => at * 2_654_435_761).buffer);
const BLOB = blob(CONTENT);
const SMALL = blob("small");

function send(response: ServerResponse): void {
  reply(response, 200, { "content-length": `${CONTENT.length}` }, CONTENT);
}

describe("a large body of a registry without TLS", () => {
  test("comes in large chunks, each the reader's for good", async () => {
    await using server = await scripted((_, response) => send(response));
    await using store = await storeOn(server);
    const chunks: Uint8Array[] = [];
    for (let round = 0; round < 3; round += 1) {
      for await (const chunk of store.fetch(BLOB.descriptor, { kind: "blob", verify: false })) chunks.push(chunk);
    }
    assert.deepEqual(Buffer.concat(chunks), Buffer.concat([CONTENT, CONTENT, CONTENT]));
    assert.ok(chunks.length < (3 * CONTENT.length) / (128 * 1024), `${chunks.length} chunks`);
  });

  test("lent, a chunk stays until the second one after it is asked for, and then is used again", async () => {
    await using server = await scripted((_, response) => send(response));
    await using store = await storeOn(server);
    const places = new Set<ArrayBufferLike>();
    let chunks = 0;
    let at = 0;
    let before = { chunk: CONTENT.subarray(0, 0) as Uint8Array, at: 0 };
    for await (const chunk of store.fetch(BLOB.descriptor, { kind: "blob", verify: false, lent: true })) {
      // Time to fill whatever is free.
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(CONTENT.subarray(before.at, before.at + before.chunk.length).equals(before.chunk), "the one before");
      assert.ok(CONTENT.subarray(at, at + chunk.length).equals(chunk));
      before = { chunk, at };
      at += chunk.length;
      chunks += 1;
      places.add(chunk.buffer);
    }
    assert.equal(at, CONTENT.length);
    assert.ok(places.size < chunks, `${places.size} buffers for ${chunks} chunks`);
  });

  test("several at once, and small ones between them, do not get into each other's way", async () => {
    await using server = await scripted(({ url }, response) =>
      url.endsWith(SMALL.descriptor.digest) ? reply(response, 200, {}, SMALL.bytes) : send(response),
    );
    await using store = await storeOn(server, { concurrency: 4 });
    const read = async (wanted: typeof BLOB): Promise<void> =>
      assert.deepEqual(await readAll(store.fetch(wanted.descriptor, { kind: "blob" })), wanted.bytes);
    await Promise.all(Array.from({ length: 12 }, (_, at) => read(at % 3 === 0 ? SMALL : BLOB)));
  });

  test("what a server sends beyond its length is nobody's", async () => {
    await using server = await scripted((request, response) => {
      if (request.url.endsWith(SMALL.descriptor.digest)) return reply(response, 200, {}, SMALL.bytes);
      response.socket?.write(`HTTP/1.1 200 OK\r\nContent-Length: ${CONTENT.length}\r\n\r\n`);
      response.socket?.write(
        Buffer.concat([CONTENT, Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")]),
      );
    });
    await using store = await storeOn(server);
    assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), CONTENT);
    assert.deepEqual(await readAll(store.fetch(SMALL.descriptor, { kind: "blob" })), SMALL.bytes);
  });

  test("a reader who leaves in the middle takes nothing from others", async () => {
    await using server = await scripted((_, response) => send(response));
    await using store = await storeOn(server, { concurrency: 1 });
    for (let round = 0; round < 3; round += 1) {
      for await (const _ of store.fetch(BLOB.descriptor, { kind: "blob", verify: false, lent: true })) break;
    }
    assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), CONTENT);
  });

  test("is only looked at by HEAD", async () => {
    await using server = await scripted(({ method }, response) => {
      if (method === "HEAD") response.writeHead(200, { "content-length": CONTENT.length }).end();
      else send(response);
    });
    await using store = await storeOn(server, { concurrency: 1 });
    for (let round = 0; round < 3; round += 1) assert.ok(await store.exists(BLOB.descriptor, { kind: "blob" }));
    assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), CONTENT);
  });

  test("that breaks off after less than a buffer is gone on with from there", async () => {
    const starts: number[] = [];
    await using server = await scripted(({ headers }, response, number) => {
      const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
      starts.push(start);
      response.writeHead(start > 0 ? 206 : 200, {
        "content-length": CONTENT.length - start,
        ...(start > 0 ? { "content-range": `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
      });
      if (number > 6) response.end(CONTENT.subarray(start));
      else response.write(CONTENT.subarray(start, start + 100_000), () => response.destroy());
    });
    // With a single try without progress, each has to bring something.
    await using store = await storeOn(server, { retries: 1 });
    assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), CONTENT);
    assert.ok(
      starts.length === 7 && starts.every((start, at) => at === 0 || start > (starts[at - 1] ?? 0)),
      starts.join(),
    );
  });

  test("a trickle is handed on before much has come", async () => {
    const arrived = Promise.withResolvers<void>();
    await using server = await scripted(async (_, response) => {
      response.writeHead(200, { "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 1000));
      let at = 1000;
      // Far less than a buffer takes; then nothing, until some of it was seen.
      for (; at < 20_000; at += 1000) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        response.write(CONTENT.subarray(at, at + 1000));
      }
      await arrived.promise;
      response.end(CONTENT.subarray(at));
    });
    await using store = await storeOn(server, { stall: 5000, retries: 0 });
    const got: Uint8Array[] = [];
    for await (const chunk of store.fetch(BLOB.descriptor, { kind: "blob", verify: false })) {
      got.push(chunk);
      // The first comes with the head.
      if (got.length === 2) arrived.resolve();
    }
    assert.deepEqual(Buffer.concat(got), CONTENT);
  });
});
