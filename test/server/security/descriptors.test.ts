import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Server, startServer } from "../../../scripts/faults/server.ts";
import { temporaryRoot } from "../../depot/scene.ts";
import { depot } from "../../faults/medium.ts";
import { blob, image } from "../../support/content.ts";
import { ask, type Reply, type Sent, staged } from "./scene.ts";

/** File descriptors that the server may have; connections that are held open at it. */
const MOST = 64;
const HELD = 200;
/** Ticks of processor time of 10 ms, in a second: a loop that spins takes all hundred. */
const IDLE = 50;

function limiter(): string | undefined {
  try {
    execFileSync("prlimit", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "prlimit not found on PATH: apt-get install util-linux";
  }
}

async function ticks({ pid }: Server): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until a second of the server's goes by in rest: one that spins at its door never gets there. */
async function rested(server: Server): Promise<void> {
  for (;;) {
    const before = await ticks(server);
    await sleep(1000);
    if ((await ticks(server)) - before < IDLE) return;
  }
}

function hold(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  return socket.resume();
}

test("E52: a server out of descriptors says so, calls nothing missing that is there, rests, and goes on by itself", async (t) => {
  const missing = limiter();
  if (missing !== undefined) return t.skip(missing);
  const root = await temporaryRoot(t);
  await using server = await startServer(root, { prefix: ["prlimit", `--nofile=${MOST}`] });
  const { hostname, port } = new URL(server.url);
  const address = { address: hostname, port: Number(port), family: "IPv4" };
  // One connection that is there before the crowd.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const say = (method: string, target: string, sent?: Sent): Promise<Reply> =>
    ask({ address }, method, target, sent, agent);
  const parts = image("there");
  const large = blob(Buffer.alloc(2_000_000, "large"));
  for (const part of [...parts.blobs, large]) {
    const reply = await say("POST", `/v2/a/blobs/uploads/?digest=${part.descriptor.digest}`, { body: part.bytes });
    assert.equal(reply.status, 201);
  }
  const headers = { "content-type": parts.manifest.descriptor.mediaType };
  assert.equal((await say("PUT", "/v2/a/manifests/v1", { headers, body: parts.manifest.bytes })).status, 201);

  const held = Array.from({ length: HELD }, () => hold(server.url));
  // Those it had no descriptor for it has closed again.
  const closed = held.map((socket) => once(socket, "close"));
  await Promise.race(closed);
  while ((await readdir(`/proc/${server.pid}/fd`)).length < MOST) await sleep(20);
  const failures = [500, 503];
  const targets = [
    "/v2/a/manifests/v1",
    `/v2/a/manifests/${parts.manifest.descriptor.digest}`,
    `/v2/a/blobs/${large.descriptor.digest}`,
    ...parts.blobs.map(({ descriptor }) => `/v2/a/blobs/${descriptor.digest}`),
  ];
  for (const target of targets) {
    const { status } = await say("GET", target);
    assert.ok([200, ...failures].includes(status), `${target}: ${status}`);
  }
  const late = blob("pushed while there was no descriptor");
  for (const name of ["a", "b"]) {
    for (;;) {
      const target = `/v2/${name}/blobs/uploads/?digest=${late.descriptor.digest}`;
      const { status } = await say("POST", target, { body: late.bytes });
      if (failures.includes(status)) break;
      // Those that say nothing are cut off in time: then others take their places.
      assert.equal(status, 201);
      held.push(hold(server.url));
    }
  }
  await rested(server);
  assert.ok(server.isRunning(), server.stderr());

  for (const socket of held) socket.destroy();
  // Until it has seen that they went.
  while (
    (await say("POST", `/v2/a/blobs/uploads/?digest=${late.descriptor.digest}`, { body: late.bytes })).status !== 201
  ) {
    await sleep(20);
  }
  for (const target of targets) assert.equal((await say("GET", target)).status, 200, target);
  assert.deepEqual((await say("GET", `/v2/a/blobs/${large.descriptor.digest}`)).bytes, Buffer.from(large.bytes));
  assert.deepEqual(staged(root), [], "what was refused has left nothing");
  agent.destroy();
  assert.equal((await server.stop("SIGTERM")).code, 0);
  assert.deepEqual(await depot.findings(root), []);
  assert.deepEqual((await readdir(join(root, "a/blobs/sha256"))).length, 5);
});
