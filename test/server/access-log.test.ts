import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { mkdtemp, open, readFile, rename, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryRegistry } from "../../src/memory/index.ts";
import { type AccessLog, openAccessLog } from "../../src/server/access-log.ts";
import { type RunningServer, serve, type ServeOptions, type ServerEvent } from "../../src/server/serve.ts";
import { blob } from "../support/content.ts";
import { Wire } from "./wire.ts";

type Line = Readonly<Record<string, string | number>>;

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "berth-log-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function logged(log: AccessLog, options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  return serve({ registry: createMemoryRegistry(), onEvent: (event) => log.write(event), ...options });
}

async function linesOf(path: string): Promise<Line[]> {
  const text = await readFile(path, "utf8");
  assert.ok(text === "" || text.endsWith("\n"));
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const event: ServerEvent = {
  type: "request",
  id: "x-1",
  remote: "127.0.0.1",
  method: "GET",
  target: "/v2/",
  route: "ping",
  status: 200,
  bytes: 2,
  received: 0,
  milliseconds: 1.23456,
  agent: "tester/1",
};

test("a line of JSON says who asked for what and what came of it; the answer has its id", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = await openAccessLog(path);
    const server = await logged(log);
    const content = blob("0123456789");
    const base = `${server.url}/v2/a/blobs`;
    const agent = { "user-agent": "tester/1", authorization: "Basic c2VjcmV0OnNlY3JldA==" };
    const put = await fetch(`${base}/uploads/?digest=${content.descriptor.digest}&token=secret`, {
      method: "POST",
      body: "0123456789",
      headers: agent,
    });
    const got = await fetch(`${base}/${content.descriptor.digest}`, { headers: { ...agent, range: "bytes=2-4" } });
    await got.arrayBuffer();
    const head = await fetch(`${base}/${content.descriptor.digest}`, { method: "HEAD", headers: agent });
    const none = await fetch(`${server.url}/v2/a/manifests/none`, { headers: agent });
    await none.arrayBuffer();
    await server.close();
    await log[Symbol.asyncDispose]();
    const lines = await linesOf(path);
    assert.deepEqual(
      lines.map(({ level, method, path: asked, status, bytes, error }) => [level, method, asked, status, bytes, error]),
      [
        ["info", "POST", "/v2/a/blobs/uploads/", 201, 0, undefined],
        ["info", "GET", `/v2/a/blobs/${content.descriptor.digest}`, 206, 3, undefined],
        ["info", "HEAD", `/v2/a/blobs/${content.descriptor.digest}`, 200, 0, undefined],
        ["info", "GET", "/v2/a/manifests/none", 404, Number(none.headers.get("content-length")), "MANIFEST_UNKNOWN"],
      ],
    );
    assert.deepEqual(
      lines.map(({ id }) => id),
      [put, got, head, none].map(({ headers }) => headers.get("x-request-id")),
    );
    assert.equal(new Set(lines.map(({ id }) => id)).size, 4);
    for (const { time, remote, ms, agent: who } of lines) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(remote, "127.0.0.1");
      assert.ok(Number(ms) >= 0);
      assert.equal(who, "tester/1");
    }
    assert.doesNotMatch(await readFile(path, "utf8"), /secret|c2VjcmV0/);
    assert.equal((await stat(path)).mode & 0o007, 0);
  });
});

test("a client forges no line and no escape sequence", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = await openAccessLog(path);
    const server = await logged(log);
    const socket = connect(server.address.port, server.address.address);
    await once(socket, "connect");
    const agent = Buffer.concat([Buffer.from(`"}{"status":200 \\ `), Buffer.from([0x9b]), Buffer.from("31m\tred")]);
    socket.write('GET /v2/a/manifests/%0a%1b[31m?x=" HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: ');
    socket.write(Buffer.concat([agent, Buffer.from("\r\n\r\n")]));
    await once(socket.resume(), "close");
    log.write({
      ...event,
      target: `/v2/\n\u001b[31m\u0000"${"x".repeat(5000)}`,
      agent: "\r\n{}\u007f\u009b".repeat(1000),
    });
    await server.close();
    await log[Symbol.asyncDispose]();
    const text = await readFile(path, "utf8");
    // oxlint-disable-next-line no-control-regex -- their absence is the point
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f]/);
    const lines = await linesOf(path);
    assert.equal(lines.length, 2);
    assert.equal(lines[0]?.["status"], 400);
    assert.equal(lines[0]?.["path"], "/v2/a/manifests/%0a%1b[31m");
    assert.match(String(lines[0]?.["agent"]), /^"\}\{"status":200 \\ \ufffd31m\tred$/);
    assert.ok(text.length < 20_000);
  });
});

test("an answer that broke off counts the bytes that went out", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = await openAccessLog(path);
    const server = await logged(log);
    const large = blob(Buffer.alloc(64 * 1024 * 1024));
    const target = `/v2/a/blobs/${large.descriptor.digest}`;
    await fetch(`${server.url}/v2/a/blobs/uploads/?digest=${large.descriptor.digest}`, {
      method: "POST",
      body: Buffer.from(large.bytes),
    });
    {
      await using wire = await Wire.open(server);
      wire.write(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
      await wire.until(/\r\n\r\n/);
    }
    const whole = await fetch(`${server.url}${target}`);
    assert.equal((await whole.arrayBuffer()).byteLength, large.bytes.length);
    await server.close();
    await log[Symbol.asyncDispose]();
    const [, broken, full] = (await linesOf(path)).toSorted((one, two) => Number(one["bytes"]) - Number(two["bytes"]));
    assert.equal(full?.["bytes"], large.bytes.length);
    assert.ok(Number(broken?.["bytes"]) > 0 && Number(broken?.["bytes"]) <= large.bytes.length);
  });
});

test("E48: a file that was moved away is opened anew, and no line is lost between the two", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = await openAccessLog(path);
    for (let at = 0; at < 1000; at += 1) {
      if (at === 500) {
        await rename(path, `${path}.1`);
        log.reopen();
      }
      log.write({ ...event, id: `${at}` });
      if (at % 100 === 0) await new Promise(setImmediate);
    }
    await log[Symbol.asyncDispose]();
    const ids = [...(await linesOf(`${path}.1`)), ...(await linesOf(path))].map(({ id }) => Number(id));
    assert.deepEqual(
      ids,
      Array.from({ length: 1000 }, (_, at) => at),
    );
    assert.ok((await linesOf(path)).length > 0);
  });
});

test("E48: a log that ends at the moment its file is opened anew loses no line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = await openAccessLog(path);
    // More than is gathered, so that it is being written while all else happens.
    for (let at = 0; at < 1000; at += 1) log.write({ ...event, id: `${at}` });
    renameSync(path, `${path}.1`);
    log.reopen();
    for (let at = 1000; at < 1010; at += 1) log.write({ ...event, id: `${at}` });
    await log[Symbol.asyncDispose]();
    const ids = [...(await linesOf(`${path}.1`)), ...(await linesOf(path))].map(({ id }) => Number(id));
    assert.deepEqual(
      ids,
      Array.from({ length: 1010 }, (_, at) => at),
    );
  });
});

test("a file that cannot be opened is one clear error", async () => {
  await withFolder(async (folder) => {
    await assert.rejects(
      openAccessLog(join(folder, "none", "access.log")),
      (error) => isOciError(error, "IO") && /^Cannot write the access log ".*": ENOENT$/.test(error.message),
    );
  });
});

test("a disk that is full is told once, and the server goes on", { skip: process.platform !== "linux" }, async () => {
  const told: string[] = [];
  const log = await openAccessLog("/dev/full", { onTrouble: (error) => told.push(error.message) });
  const server = await logged(log);
  for (let at = 0; at < 200; at += 1) {
    const answer = await fetch(`${server.url}/v2/${"x".repeat(500)}/tags/list`);
    await answer.arrayBuffer();
    assert.equal(answer.status, 400);
  }
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /ENOSPC/);
  await server.close();
  await log[Symbol.asyncDispose]();
});

test(
  "a pipe that nobody empties holds up neither answers nor the end",
  { skip: process.platform !== "linux" },
  async () => {
    await withFolder(async (folder) => {
      const pipe = join(folder, "pipe");
      execFileSync("mkfifo", [pipe]);
      const reader = await open(pipe, "r+");
      try {
        const log = await openAccessLog(pipe);
        for (let at = 0; at < 50_000; at += 1) log.write(event);
        const server = await logged(log);
        assert.equal((await fetch(`${server.url}/v2/`)).status, 200);
        await server.close();
        const closing = log[Symbol.asyncDispose]();
        await closing;
      } finally {
        // Frees the write that waits, so that its thread can end.
        const buffer = Buffer.alloc(1024 * 1024);
        await reader.read(buffer, 0, buffer.length);
        await reader.close();
      }
    });
  },
);
