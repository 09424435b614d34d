import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { createMemoryRegistry } from "../../src/memory/index.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { type RunningServer, serve, type ServeOptions, type ServerEvent } from "../../src/server/serve.ts";
import { blob } from "../support/content.ts";
import { openRegistry } from "./probe.ts";
import { Wire } from "./wire.ts";

const content = blob("0123456789");
const { digest } = content.descriptor;

interface Running extends AsyncDisposable {
  readonly server: RunningServer;
}

async function running(options: Partial<ServeOptions> = {}): Promise<Running> {
  const server = await serve({ registry: createMemoryRegistry(), ...options });
  return { server, [Symbol.asyncDispose]: () => server.close(0) };
}

async function openUpload(server: RunningServer): Promise<string> {
  const answer = await fetch(`${server.url}/v2/a/blobs/uploads/`, { method: "POST" });
  return answer.headers.get("location") ?? "";
}

/** The bytes an upload holds by its own word, once a broken request has been noticed. */
async function rangeOf(server: RunningServer, location: string): Promise<string> {
  return (await fetch(`${server.url}${location}`)).headers.get("range") ?? "";
}

test("serves over HTTP on a free port, and tells of each request", async () => {
  const events: ServerEvent[] = [];
  await using it = await running({ onEvent: (event) => events.push(event) });
  assert.match(it.server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const location = await openUpload(it.server);
  const put = await fetch(`${it.server.url}${location}?digest=${digest}`, { method: "PUT", body: "0123456789" });
  assert.equal(put.status, 201);
  const got = await fetch(`${it.server.url}/v2/a/blobs/${digest}`, { headers: { range: "bytes=2-3" } });
  assert.equal(await got.text(), "23");
  assert.equal((await fetch(`${it.server.url}/v2/b/tags/list`)).status, 404);
  await it.server.close();
  assert.deepEqual(
    events.map(({ status }) => status),
    [202, 201, 206, 404],
  );
  assert.ok(isOciError(events[3]?.error, "NAME_UNKNOWN"));
});

test("a taken port is one clear error", async () => {
  await using it = await running();
  await assert.rejects(
    running({ port: it.server.address.port }),
    (error) => isOciError(error, "CONFLICT") && /^Port \d+ on 127\.0\.0\.1 is taken$/.test(error.message),
  );
});

test("A8 a head that is too large is 431, a target that is too long too", async () => {
  await using it = await running();
  for (const head of [
    `GET /v2/ HTTP/1.1\r\nhost: x\r\nx-long: ${"y".repeat(20_000)}\r\n\r\n`,
    `GET /v2/${"a".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
    `GET /v2/ HTTP/1.1\r\nhost: x\r\n${Array.from({ length: 5000 }, (_, at) => `x${at}: 1\r\n`).join("")}\r\n`,
  ]) {
    await using wire = await Wire.open(it.server);
    wire.write(head);
    assert.match(await wire.closed(), /^HTTP\/1\.1 431 .*"errors":/s);
  }
  assert.equal((await fetch(`${it.server.url}/v2/`)).status, 200);
});

test("A10 requests that two parsers would read differently are refused and the connection closed", async () => {
  await using it = await running();
  const smuggled = "GET /v2/smuggled/tags/list HTTP/1.1\r\nhost: x\r\n\r\n";
  for (const head of [
    "content-length: 5\r\ntransfer-encoding: chunked\r\n",
    "content-length: 5\r\ncontent-length: 6\r\n",
    "transfer-encoding: chunked, identity\r\n",
    "content-length: 5, 6\r\n",
    "content-length : 5\r\n",
    "content-length: +5\r\n",
  ]) {
    await using wire = await Wire.open(it.server);
    wire.write(`POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\n${head}\r\n0\r\n\r\n${smuggled}`);
    const got = await wire.closed();
    assert.match(got, /^HTTP\/1\.1 400 /, head);
    assert.equal(got.split("HTTP/1.1 ").length, 2, "Only one answer");
    assert.doesNotMatch(got, /smuggled/);
  }
  await using bare = await Wire.open(it.server);
  bare.write("GET /v2/ HTTP/1.1\nhost: x\n\n");
  assert.match(await bare.closed(), /^HTTP\/1\.1 400 /);
});

test("B11 an endless chunked manifest is answered 413 and cut off", async () => {
  await using it = await running();
  await using wire = await Wire.open(it.server);
  wire.write("PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-type: a/b\r\ntransfer-encoding: chunked\r\n\r\n");
  const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(0x100000), Buffer.from("\r\n")]);
  let sent = 0;
  for (; !wire.socket.closed && sent < 200; sent++) {
    wire.write(chunk);
    await sleep(1);
  }
  assert.match(await wire.closed(), /^HTTP\/1\.1 413 .*connection: close.*SIZE_INVALID/is);
  assert.equal((await fetch(`${it.server.url}/v2/`)).status, 200);
});

test("a client that sends too much still gets to read why", async () => {
  await using it = await running();
  const answer = await fetch(`${it.server.url}/v2/a/manifests/v1`, {
    method: "PUT",
    headers: { "content-type": "application/x" },
    body: Buffer.alloc(8 * 1024 * 1024),
  });
  assert.equal(answer.status, 413);
  assert.match(await answer.text(), /SIZE_INVALID/);
});

test("C27 a truncated body commits nothing; the upload resumes from what came", async () => {
  for (const medium of ["memory", "layouts"] as const) {
    const { registry, cleanup } = await openRegistry(medium);
    const events: ServerEvent[] = [];
    await using it = await running({ registry, onEvent: (event) => events.push(event) });
    const location = await openUpload(it.server);
    for (const method of ["PATCH", "PUT"]) {
      const wire = await Wire.open(it.server);
      wire.write(`${method} ${location}?digest=${digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n01`);
      await sleep(20);
      wire.socket.resetAndDestroy();
      await wire.closed();
      while (events.at(-1)?.method !== method) await sleep(5);
    }
    assert.equal((await fetch(`${it.server.url}/v2/a/blobs/${digest}`)).status, 404);
    const range = await rangeOf(it.server, location);
    const came = range === "0-0" ? 0 : Number(range.slice(2)) + 1;
    assert.ok(came <= 4);
    // What arrived is 01, or 0101: both requests appended. Only a fresh start makes the right blob of it.
    await fetch(`${it.server.url}${location}`, { method: "DELETE" });
    const next = await openUpload(it.server);
    const done = await fetch(`${it.server.url}${next}?digest=${digest}`, { method: "PUT", body: "0123456789" });
    assert.equal(done.status, 201);
    await cleanup();
  }
});

test("C32 stalled clients are cut off: a head, a body, a reader; others are not", async () => {
  await using it = await running({ headersTimeout: 300, pace: { patience: 300, bytesPerSecond: 1000 } });
  const location = await openUpload(it.server);
  const big = Buffer.alloc(64 * 1024 * 1024, "x");
  const large = blob(big).descriptor.digest;
  const put = await fetch(`${it.server.url}/v2/a/blobs/uploads/?digest=${large}`, { method: "POST", body: big });
  assert.equal(put.status, 201);

  await using head = await Wire.open(it.server);
  await using silent = await Wire.open(it.server);
  await using body = await Wire.open(it.server);
  await using reader = await Wire.open(it.server);
  head.write("GET /v2/ HTTP/1.1\r\nho");
  body.write(`PATCH ${location} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n`);
  reader.write(`GET /v2/a/blobs/${large} HTTP/1.1\r\nhost: x\r\n\r\n`);
  reader.socket.pause();
  const drip = setInterval(() => body.write("z"), 50);
  assert.match(await head.closed(), /^HTTP\/1\.1 408 /);
  await silent.closed();
  await body.closed();
  clearInterval(drip);
  // A paused socket does not see its end; reading on shows that the rest never came.
  await sleep(1000);
  reader.socket.resume();
  assert.ok((await reader.closed()).length < big.length);
  assert.equal((await fetch(`${it.server.url}/v2/`)).status, 200);
});

test("C33 clients that leave in every phase take no file handle and no lock with them", async () => {
  const { registry, cleanup } = await openRegistry("layouts");
  const big = Buffer.alloc(8 * 1024 * 1024, "x");
  const large = blob(big).descriptor.digest;
  let ended = 0;
  let begun = 0;
  await using it = await running({ registry, onEvent: () => (ended += 1) });
  await fetch(`${it.server.url}/v2/a/blobs/uploads/?digest=${large}`, { method: "POST", body: big });
  begun += 1;
  const base = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 20; round++) {
    const wires: Wire[] = [];
    for (const request of [
      `GET /v2/a/blobs/${large} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `POST /v2/a/blobs/uploads/?digest=${large} HTTP/1.1\r\nhost: x\r\ncontent-length: ${big.length}\r\n\r\nxxxx`,
      "PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-type: a/b\r\ncontent-length: 100\r\n\r\n{",
    ]) {
      const wire = await Wire.open(it.server);
      wire.write(request);
      wires.push(wire);
      begun += 1;
    }
    await sleep(5);
    for (const wire of wires) wire.socket.resetAndDestroy();
    for (const wire of wires) await wire.closed();
  }
  while (ended < begun) await sleep(10);
  await sleep(50);
  assert.ok(readdirSync("/proc/self/fd").length <= base + 3);
  const done = await fetch(`${it.server.url}/v2/a/blobs/uploads/?digest=${digest}`, {
    method: "POST",
    body: "0123456789",
  });
  assert.equal(done.status, 201);
  await cleanup();
});

test("C35 Expect: 100-continue asks for the body only when it is wanted", async () => {
  await using it = await running({ authorize: (_who, { repository }) => (repository === "no" ? "deny" : "allow") });
  const request = (name: string) =>
    `POST /v2/${name}/blobs/uploads/?digest=${digest} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n`;
  await using denied = await Wire.open(it.server);
  denied.write(request("no"));
  assert.match(await denied.closed(), /^HTTP\/1\.1 401 /);
  await using taken = await Wire.open(it.server);
  taken.write(request("yes"));
  assert.match(await taken.until(/\r\n\r\n/), /^HTTP\/1\.1 100 /);
  taken.write("0123456789");
  assert.match(await taken.until(/ 201 /), /HTTP\/1\.1 201 /);
});

test("closing lets what is under way finish, and cuts off what outstays the grace", async () => {
  const { server } = await running();
  const location = await openUpload(server);
  await using finishing = await Wire.open(server);
  finishing.write(`PUT ${location}?digest=${digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n01234`);
  await sleep(20);
  const closing = server.close(5000);
  await assert.rejects(fetch(`${server.url}/v2/`));
  finishing.write("56789");
  assert.match(await finishing.closed(), /^HTTP\/1\.1 201 .*connection: close/is);
  await closing;

  const other = (await running()).server;
  await using stuck = await Wire.open(other);
  stuck.write(`PATCH ${await openUpload(other)} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0`);
  await sleep(20);
  await other.close(50);
  assert.equal(await stuck.closed(), "");
});

test("takes no more connections than it may", async () => {
  await using it = await running({ connections: 2 });
  await using first = await Wire.open(it.server);
  await using second = await Wire.open(it.server);
  await using third = await Wire.open(it.server);
  assert.equal(await third.closed(), "");
  for (const wire of [first, second]) {
    wire.write("GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n");
    assert.match(await wire.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /);
  }
});
