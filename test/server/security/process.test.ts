import assert from "node:assert/strict";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ended, startServer } from "../../../scripts/faults/server.ts";
import { openLayoutFolder } from "../../../src/layout/folder.ts";
import { Cut, networkClient } from "../../faults/client.ts";
import { Ledger } from "../../faults/ledger.ts";
import { depot } from "../../faults/medium.ts";
import { prepare } from "../../faults/operations.ts";
import { Refused, Session } from "../../faults/session.ts";
import { blob, image, pushImage } from "../../support/content.ts";
import { temporaryRoot } from "../../depot/scene.ts";
import { files } from "./scene.ts";

/** Clients that push while the server is told to end, and what they have done by then. */
const CLIENTS = 20;
const ACKNOWLEDGED = 60;

/** How a server ended that should not have begun; undefined: it serves. */
async function refused(root: string): Promise<Ended | undefined> {
  try {
    await using _server = await startServer(root);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : "";
    return JSON.parse(text.slice(text.indexOf("{"))) as Ended;
  }
}

/** Stops a process, and waits until each of its threads stands still. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    while (!/\) T /.test(await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8"))) await sleep(5);
  }
}

/** A second server is told in one sentence that it may not, and why. */
function assertLocked(ended: Ended | undefined): void {
  assert.equal(ended?.code, 6, JSON.stringify(ended));
  assert.match(ended?.stderr ?? "", /Another process serves ".*" already/);
}

test("E53: a server that is told to end amid pushes loses none that it acknowledged, and ends with 0", async (t) => {
  const root = await temporaryRoot(t);
  const ledgers: Ledger[] = [];
  let acknowledged = 0;
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    const pushing = Array.from({ length: CLIENTS }, async (_, at) => {
      const session = new Session(client, new Ledger());
      ledgers.push(session.ledger);
      try {
        for (let turn = 0; ; turn += 1) {
          const parts = image(`client ${at} turn ${turn}`);
          for (const part of parts.blobs) await session.blob(`team/${at % 4}`, part, "chunks");
          await session.tag(`team/${at % 4}`, parts.manifest, `c${at}t${turn}`);
          acknowledged += 1;
        }
      } catch (error) {
        if (!(error instanceof Cut) && !(error instanceof Refused)) throw error;
      }
    });
    const all = Promise.all(pushing);
    while (acknowledged < ACKNOWLEDGED) await Promise.race([sleep(5), all]);
    const ended = await server.stop("SIGTERM");
    assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
    await all;
  }
  await using server = await startServer(root);
  await using client = networkClient(server.url);
  for (const ledger of ledgers) await ledger.check(client);
  await server.stop("SIGTERM");
  assert.deepEqual(await depot.findings(root), []);
});

test("E53: a second signal does not wait for a client that sends nothing; its upload goes on at the next start", async (t) => {
  const root = await temporaryRoot(t);
  let location = "";
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    location = (await client.say("POST", "/v2/a/blobs/uploads/")).headers["location"] ?? "";
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write(`PATCH ${location} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n01234`);
    while ((await client.say("GET", location)).headers["range"] !== "0-4") await sleep(5);
    process.kill(server.pid, "SIGTERM");
    // It has heard of the first once it takes nothing new.
    for (let taken = true; taken;) {
      await using other = networkClient(server.url);
      taken = await other.say("GET", "/v2/").then(
        () => true,
        () => false,
      );
    }
    assert.equal(server.isRunning(), true);
    assert.equal((await server.stop("SIGTERM")).code, 128 + 15);
    socket.destroy();
  }
  await using server = await startServer(root);
  await using client = networkClient(server.url);
  assert.equal((await client.say("GET", location)).headers["range"], "0-4");
  const { digest } = blob("0123456789").descriptor;
  const done = await client.say("PUT", `${location}?digest=${digest}`, { body: Buffer.from("56789") });
  assert.equal(done.status, 201);
});

test("E56: a server begins over what a dead one left, and removes only what is old and its own", async (t) => {
  const root = await temporaryRoot(t);
  const ledger = new Ledger();
  const place = { here: "team/app", there: "team/other", name: "left" };
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    await prepare(new Session(client, ledger), place);
    await client.say("POST", "/v2/team/app/blobs/uploads/");
    await server.stop("SIGKILL");
  }
  const own = join(root, "team/app/.berth");
  const uploads = join(own, "uploads");
  const [cut] = await readdir(uploads);
  const old = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000);
  const names = { old: "0".repeat(32), young: "1".repeat(32), foreign: "somebody's notes" };
  for (const name of Object.values(names)) await writeFile(join(uploads, name), "left behind");
  for (const name of [names.old, names.foreign]) await utimes(join(uploads, name), old, old);
  // As if it named a holder: this very process, which lives.
  for (const lock of [join(root, ".berth/server.lock"), join(own, "lock")]) await writeFile(lock, `${process.pid}\n`);
  await using server = await startServer(root);
  await using client = networkClient(server.url);
  const again = new Session(client, ledger);
  await again.ledger.check(client);
  await again.blob("team/app", blob("one more"));
  while ((await readdir(uploads)).includes(names.old)) {
    assert.ok(server.isRunning(), server.stderr());
    await sleep(20);
  }
  const left = await readdir(uploads);
  assert.deepEqual(left.toSorted(), [cut, names.young, names.foreign].toSorted());
  assert.equal(await readFile(join(uploads, names.foreign), "utf8"), "left behind");
  await prepare(again, place);
  await again.ledger.check(client);
});

test("E57, E58: a second server refuses while the first one lives, also while it is stopped; a killed one is in nobody's way", async (t) => {
  const root = await temporaryRoot(t);
  const place = { here: "team/app", there: "team/other", name: "holder" };
  const ledger = new Ledger();
  {
    await using first = await startServer(root);
    await using client = networkClient(first.url);
    const session = new Session(client, ledger);
    await prepare(session, place);
    assertLocked(await refused(root));
    await stop(first.pid);
    const before = files(root, { own: true });
    const parts = image("sent to a stopped one");
    const pending = (async () => {
      for (const part of parts.blobs) await session.blob("team/app", part);
      await session.tag("team/app", parts.manifest, "v1");
    })();
    // Where something fails before it is waited for, that is what the test tells.
    pending.catch(() => undefined);
    assertLocked(await refused(root));
    assert.deepEqual(files(root, { own: true }), before, "neither of them has written");
    process.kill(first.pid, "SIGCONT");
    await pending;
    await ledger.check(client);
    assertLocked(await refused(root));
    await stop(first.pid);
    await first.stop("SIGKILL");
  }
  await using second = await startServer(root);
  await using client = networkClient(second.url);
  await ledger.check(client);
  await second.stop("SIGTERM");
  assert.deepEqual(await depot.findings(root), []);
});

test("E59: a catalog of a later version is refused and stays as it is, and so does all below it", async (t) => {
  const root = await temporaryRoot(t);
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    await prepare(new Session(client, new Ledger()), { here: "team/app", there: "team/other", name: "future" });
    await server.stop("SIGTERM");
  }
  const path = join(root, ".berth/catalog.db");
  {
    using database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 1000000");
  }
  const [before, catalog] = [files(root, { own: true }), await readFile(path)];
  const ended = await refused(root);
  assert.ok(ended && ended.code !== 0, "it serves");
  assert.match(ended.stderr, /has the version 1000000, this berth knows 1/);
  assert.deepEqual(files(root, { own: true }), before);
  assert.ok((await readFile(path)).equals(catalog));
});

test("E59: a folder of layouts that release 0.1 served is served in place, every file as it was", async (t) => {
  const root = await temporaryRoot(t);
  const names = ["app", "team/app", "blobs"];
  {
    await using folder = await openLayoutFolder(root);
    for (const name of names) await pushImage(await folder.repository(name), image(name), ["v1"]);
  }
  const before = files(root);
  await using server = await startServer(root);
  await using client = networkClient(server.url);
  for (const name of names) {
    const got = await client.say("GET", `/v2/${name}/manifests/v1`);
    assert.deepEqual(got.bytes, Buffer.from(image(name).manifest.bytes), name);
  }
  await server.stop("SIGTERM");
  const after = files(root);
  for (const [name, digest] of Object.entries(before)) {
    if (!name.endsWith("index.json")) assert.equal(after[name], digest, name);
  }
});
