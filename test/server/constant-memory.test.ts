import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";

const MIB = 1024 * 1024;
/** Peak memory of the whole server process, of which the bare runtime takes half. */
const MOST = 200 * MIB;

/** Zeros, or chunks that differ, so that one sent in another's place is seen. */
function* chunks(size: number, fill: "zeros" | "counted"): Generator<Uint8Array> {
  for (let at = 0; at < size; at += MIB) {
    const chunk = Buffer.alloc(Math.min(size - at, MIB), fill === "zeros" ? 0 : `${at}`);
    if (fill === "counted") chunk.fill(`half of ${at}`, chunk.length / 2);
    yield chunk;
  }
}

function digestOfChunks(size: number, fill: "zeros" | "counted"): string {
  const hash = createHash("sha256");
  for (const chunk of chunks(size, fill)) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

async function start(...where: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(import.meta.dirname, "serve-child.ts"), where);
  const [url] = (await once(child, "message")) as [string];
  return { child, url };
}

async function peak(child: ChildProcess): Promise<number> {
  child.send("peak");
  const [bytes] = (await once(child, "message")) as [number];
  return bytes;
}

/** Uploads in one stream of unannounced length, as the docker client does. */
async function upload(url: string, digest: string, parts: Iterable<Uint8Array>): Promise<void> {
  const begun = await fetch(`${url}/v2/a/blobs/uploads/`, { method: "POST" });
  const patch = request(`${url}${begun.headers.get("location")}`, { method: "PATCH" });
  const answered = once(patch, "response");
  await pipeline(parts, patch);
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  assert.equal(response.statusCode, 202);
  const done = await fetch(`${url}${response.headers.location}?digest=${digest}`, { method: "PUT" });
  assert.equal(done.status, 201);
}

async function download(url: string, digest: string): Promise<string> {
  const [response] = (await once(get(`${url}/v2/a/blobs/${digest}`), "response")) as [IncomingMessage];
  const hash = createHash("sha256");
  for await (const chunk of response) hash.update(chunk as Uint8Array);
  return `sha256:${hash.digest("hex")}`;
}

test("C30: 1 GiB goes in and out through a server that stays small", async () => {
  const { child, url } = await start("sink");
  try {
    const digest = digestOfChunks(1024 * MIB, "zeros");
    await upload(url, digest, chunks(1024 * MIB, "zeros"));
    assert.equal(await download(url, digest), digest);
    const most = await peak(child);
    assert.ok(most < MOST, `Peak memory was ${Math.round(most / MIB)} MiB`);
  } finally {
    child.disconnect();
    await once(child, "exit");
  }
});

/** MiB that go through the disk: 20480 are the 20 GB of the case. */
const SIZE = Number(process.env["BERTH_TEST_MIB"] ?? 256);

for (const medium of ["layouts", "depot"]) {
  test(`${medium} C30: ${SIZE} MiB go to the disk and come back from a file`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "berth-server-"));
    const { child, url } = await start(folder, medium);
    try {
      const digest = digestOfChunks(SIZE * MIB, "counted");
      await upload(url, digest, chunks(SIZE * MIB, "counted"));
      assert.equal(await download(url, digest), digest);
      const most = await peak(child);
      assert.ok(most < MOST, `Peak memory was ${Math.round(most / MIB)} MiB`);
    } finally {
      child.disconnect();
      await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    }
  });
}
