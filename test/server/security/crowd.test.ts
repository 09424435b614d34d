import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Limits } from "../../../src/spec/limits.ts";
import { MediaType } from "../../../src/spec/media-type.ts";
import { blob, image, index } from "../../support/content.ts";
import { ask, files, MEDIA, openScene, type Reply, type Sent, staged } from "./scene.ts";

const MIB = 1024 * 1024;
/** Peak memory of a server process in a crowd. */
const MOST = 450 * MIB;
const PULLS = 100;

interface Child extends AsyncDisposable {
  readonly folder: string;
  readonly address: { readonly address: string; readonly port: number; readonly family: string };
  ask(method: string, target: string, sent?: Sent): Promise<Reply>;
  descriptors(): number;
  peak(): Promise<number>;
}

/** A server in a process of its own, so that its memory and its descriptors are seen alone. */
async function start(medium: string): Promise<Child> {
  const folder = await mkdtemp(join(tmpdir(), "berth-crowd-"));
  const child = fork(join(import.meta.dirname, "../serve-child.ts"), [folder, medium]);
  const [url] = (await once(child, "message")) as [string];
  const { hostname, port } = new URL(url);
  const address = { address: hostname, port: Number(port), family: "IPv4" };
  return {
    folder,
    address,
    ask: (method, target, sent) => ask({ address }, method, target, sent),
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async peak() {
      child.send("peak");
      const [bytes] = (await once(child, "message")) as [number];
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function pull(child: Child, digest: string): Promise<string> {
  const request = get({
    host: child.address.address,
    port: child.address.port,
    path: `/v2/a/blobs/${digest}`,
    agent: false,
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  const hash = createHash("sha256");
  for await (const chunk of response) hash.update(chunk as Uint8Array);
  return `sha256:${hash.digest("hex")}`;
}

for (const medium of MEDIA) {
  test(`${medium} F61: fifty pushes of one blob at once all succeed and leave one copy with the right bytes`, async () => {
    await using scene = await openScene(medium);
    const part = blob(Buffer.alloc(300_000, "shared"));
    const { digest } = part.descriptor;
    const replies = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        if (at % 2 === 0) return await scene.ask("POST", `/v2/a/blobs/uploads/?digest=${digest}`, { body: part.bytes });
        const { headers } = await scene.ask("POST", "/v2/a/blobs/uploads/");
        await scene.ask("PATCH", headers.location ?? "", { body: part.bytes });
        return await scene.ask("PUT", `${headers.location}?digest=${digest}`);
      }),
    );
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([201]));
    const held = Object.keys(files(scene.root, { own: true })).filter((name) => /blobs|uploads/.test(name));
    assert.deepEqual(held, [`a/blobs/sha256/${digest.slice(7)}`]);
    assert.deepEqual((await scene.ask("GET", `/v2/a/blobs/${digest}`)).bytes, Buffer.from(part.bytes));
  });

  test(`${medium} F69: ${PULLS} pulls at once beside pushes: every byte right, no 5xx, memory and descriptors bounded`, async () => {
    await using child = await start(medium);
    const big = blob(Buffer.alloc(16 * MIB, "0123456789"));
    const { digest } = big.descriptor;
    assert.equal((await child.ask("POST", `/v2/a/blobs/uploads/?digest=${digest}`, { body: big.bytes })).status, 201);
    const base = child.descriptors();
    const push = async (at: number): Promise<void> => {
      const { manifest, blobs } = image(`pushed ${at}`);
      for (const part of blobs) {
        const reply = await child.ask("POST", `/v2/a/blobs/uploads/?digest=${part.descriptor.digest}`, {
          body: part.bytes,
        });
        assert.equal(reply.status, 201);
      }
      const headers = { "content-type": MediaType.ImageManifest };
      const reply = await child.ask("PUT", `/v2/a/manifests/t${at}`, { headers, body: manifest.bytes });
      assert.equal(reply.status, 201);
    };
    const [pulled] = await Promise.all([
      Promise.all(Array.from({ length: PULLS }, () => pull(child, digest))),
      Promise.all(Array.from({ length: 20 }, (_, at) => push(at))),
    ]);
    assert.deepEqual(new Set(pulled), new Set([digest]));
    const peak = await child.peak();
    assert.ok(peak < MOST, `Peak memory was ${Math.round(peak / MIB)} MiB`);
    while (child.descriptors() > base + 3) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(staged(child.folder), []);
  });

  test(`${medium} B11, A10: a hundred large manifests on their way and a flood of pulls of one leave memory bounded`, async () => {
    await using child = await start(medium);
    const large = index([], { annotations: { "org.example": "x".repeat(Limits.manifest - 300) } });
    const headers = { "content-type": MediaType.ImageIndex };
    const put = await child.ask("PUT", "/v2/a/manifests/large", { headers, body: large.bytes });
    assert.equal(put.status, 201);
    const sockets = Array.from({ length: 100 }, () =>
      connect({ host: child.address.address, port: child.address.port }),
    );
    for (const [at, socket] of sockets.entries()) {
      socket.on("error", () => undefined);
      socket.write(
        at % 2 === 0
          ? `PUT /v2/a/manifests/t${at} HTTP/1.1\r\nhost: x\r\ncontent-type: a/b\r\ncontent-length: ${Limits.manifest}\r\n\r\n`
          : "GET /v2/a/manifests/large HTTP/1.1\r\nhost: x\r\n\r\n".repeat(at === 1 ? 1000 : 50),
      );
      if (at % 2 === 0) socket.write(Buffer.alloc(Limits.manifest - 1));
      else socket.pause();
    }
    for (let round = 0; round < 20; round++) {
      assert.equal((await child.ask("HEAD", "/v2/a/manifests/large")).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const peak = await child.peak();
    for (const socket of sockets) socket.destroy();
    assert.ok(peak < MOST, `Peak memory was ${Math.round(peak / MIB)} MiB`);
  });
}
