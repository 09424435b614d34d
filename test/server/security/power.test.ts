import assert from "node:assert/strict";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MountNamespace } from "../../../scripts/faults/namespace.ts";
import { startServer } from "../../../scripts/faults/server.ts";
import { isInstalled, isRoot } from "../../../scripts/faults/tools.ts";
import { temporaryRoot } from "../../depot/scene.ts";
import { Cut, networkClient } from "../../faults/client.ts";
import { Ledger } from "../../faults/ledger.ts";
import { depot } from "../../faults/medium.ts";
import { OPERATIONS, prepare } from "../../faults/operations.ts";
import { Refused, Session } from "../../faults/session.ts";

/** Acknowledged requests after which the power goes: early in the work, and late. */
const LOSSES = [20, 45, 90];
const SIZE = 256 * 1024 * 1024;

/** Why a file system cannot be shut down here. */
async function missing(): Promise<string | undefined> {
  if (!isRoot()) return "it needs root, for a file system of its own";
  for (const [tool, from] of [
    ["mkfs.ext4", "e2fsprogs"],
    ["xfs_io", "xfsprogs"],
    ["unshare", "util-linux"],
  ] as const) {
    if (!(await isInstalled(tool))) return `${tool} not found on PATH: apt-get install ${from}`;
  }
  return undefined;
}

/** Works until the power is gone. */
async function work(session: Session): Promise<void> {
  const place = { here: "team/app", there: "team/other", name: "power" };
  try {
    for (let turn = 0; ; turn += 1) {
      const here = { ...place, here: `team/app${turn}`, name: `power${turn}` };
      await prepare(session, here);
      for (const operation of Object.values(OPERATIONS)) await operation(session, here);
    }
  } catch (error) {
    if (!(error instanceof Cut) && !(error instanceof Refused)) throw error;
  }
}

test("E49: when the power goes, what was acknowledged is on the disk, and nothing is there in part", async (t) => {
  const reason = await missing();
  if (reason !== undefined) return t.skip(reason);
  const base = await temporaryRoot(t);
  await using namespace = await MountNamespace.open();
  const [image, mounted] = [join(base, "image"), join(base, "mounted")];
  const root = join(mounted, "root");
  await mkdir(mounted);
  await writeFile(image, "");
  await truncate(image, SIZE);
  await namespace.run("mkfs.ext4", "-q", image);
  try {
    await namespace.run("mount", "-o", "loop", image, mounted);
  } catch (error) {
    return t.skip(`no loop devices here: ${String(error)}`);
  }
  await namespace.run("mkdir", root);
  const start = () =>
    startServer(root, { prefix: namespace.prefix, env: { NODE_COMPILE_CACHE: join(base, "compiled") } });
  // One for all losses: the next round works on what the last one left.
  const ledger = new Ledger();
  for (const [at, count] of LOSSES.entries()) {
    await using server = await start();
    await using client = networkClient(server.url);
    await ledger.check(client);
    const session = new Session(client, ledger);
    const working = work(session);
    while (session.acknowledged < count) await Promise.race([sleep(1), working]);
    // With -f what the journal holds in memory is written first, and file content that was not flushed is lost.
    await namespace.run("xfs_io", "-x", "-c", at % 2 === 0 ? "shutdown" : "shutdown -f", mounted);
    await server.stop("SIGKILL");
    await working;
    await namespace.run("umount", mounted);
    await namespace.run("mount", "-o", "loop", image, mounted);
  }
  {
    await using server = await start();
    await using client = networkClient(server.url);
    await ledger.check(client);
    await prepare(new Session(client, new Ledger()), { here: "team/new", there: "team/newer", name: "after" });
    assert.equal((await server.stop("SIGTERM")).code, 0);
  }
  const copy = join(base, "copy");
  await namespace.run("cp", "-a", root, copy);
  await namespace.run("umount", mounted);
  assert.deepEqual(await depot.findings(copy), []);
});
