import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { collect } from "../../src/bytes/collect.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { type RunningServer, serve } from "../../src/server/serve.ts";
import { blob } from "../support/content.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "berth-release-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const SIZES = [65_536, 1, 300_000, 70_000, 600_000, 16_384];

function* pieces(content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < content.length; turn += 1) {
    const size = SIZES[turn % SIZES.length] ?? 1;
    yield Uint8Array.from(content.subarray(at, at + size));
    at += size;
  }
}

test("a chunk is given back once, and only when nobody needs it any more", async () => {
  await withFolder(async (folder) => {
    await using store = await openLayout(folder, { create: true });
    const { descriptor, bytes } = blob(randomBytes(3_000_000));
    const given = new Set<Uint8Array>();
    const upload = (await store.stage?.()) ?? assert.fail();
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield* pieces(bytes);
    }
    await upload.append(stream(), 0, {
      release(chunk) {
        assert.equal(given.has(chunk), false);
        given.add(chunk);
        // As if its memory were somebody else's now.
        chunk.fill(0);
      },
    });
    await upload.commit(descriptor.digest);
    assert.equal(given.size, [...pieces(bytes)].length);
    const got = await collect(store.fetch(descriptor, { kind: "blob" }), bytes.length, "blob");
    assert.ok(Buffer.from(bytes).equals(got));
  });
});

/** Sends a body in pieces: chunked, or of a known length with the Content-Range of an upload's part. */
async function sendPieces(
  server: RunningServer,
  method: string,
  target: string,
  content: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number | undefined; location: string | undefined }> {
  const outgoing = request(new URL(target, server.url), { method, headers });
  const answer = new Promise<{ status: number | undefined; location: string | undefined }>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      incoming
        .resume()
        .once("end", () => resolve({ status: incoming.statusCode, location: incoming.headers.location }));
    });
  });
  for (const piece of pieces(content)) {
    if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once("drain", resolve));
  }
  outgoing.end();
  return await answer;
}

test("what comes over a connection is kept whole, whatever it is cut into", async () => {
  await withFolder(async (folder) => {
    await using registry = await openDepot(folder);
    const server = await serve({ registry });
    try {
      const { descriptor, bytes } = blob(randomBytes(5_000_000));
      const half = 2_345_678;
      const opened = await fetch(`${server.url}/v2/a/blobs/uploads/`, { method: "POST" });
      const first = await sendPieces(server, "PATCH", opened.headers.get("location") ?? "", bytes.subarray(0, half), {
        "content-range": `0-${half - 1}`,
        "content-length": `${half}`,
      });
      assert.equal(first.status, 202);
      const last = `${first.location}?digest=${descriptor.digest}`;
      const put = await sendPieces(server, "PUT", last, bytes.subarray(half), { "transfer-encoding": "chunked" });
      assert.equal(put.status, 201);
      const got = await fetch(`${server.url}/v2/a/blobs/${descriptor.digest}`);
      assert.ok(Buffer.from(bytes).equals(Buffer.from(await got.arrayBuffer())));
    } finally {
      await server.close(0);
    }
  });
});
