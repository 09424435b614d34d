import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { berth } from "./berth.ts";
import { serve } from "./served.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "berth-cli-log-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function pathsIn(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { path: string }).path);
}

test("serve --access-log writes a file, SIGHUP opens it anew, and the end loses no line", async () => {
  await withFolder(async (folder) => {
    const log = join(folder, "log");
    await using server = await serve([".", "--access-log", "log"], folder);
    await fetch(`http://${server.host}/v2/`);
    await rename(log, `${log}.1`);
    server.signal("SIGHUP");
    while ((await readFile(log).catch(() => undefined)) === undefined) await sleep(10);
    await fetch(`http://${server.host}/v2/_catalog?n=1`);
    const { code } = await server.stop("SIGTERM");
    assert.equal(code, 0);
    assert.deepEqual(await pathsIn(`${log}.1`), ["/v2/"]);
    assert.deepEqual(await pathsIn(log), ["/v2/_catalog"]);
  });
});

test("serve --access-log - writes to standard output, after the address; without it nothing is logged", async () => {
  await withFolder(async (folder) => {
    for (const [args, lines] of [
      [["--access-log", "-"], 2],
      [[], 1],
    ] as const) {
      await using server = await serve([".", ...args], folder);
      await fetch(`http://${server.host}/v2/`);
      const { out, code } = await server.stop("SIGTERM");
      assert.equal(code, 0);
      const got = out.trimEnd().split("\n");
      assert.equal(got.length, lines, out);
      if (lines === 2) assert.equal((JSON.parse(got[1] ?? "") as { status: number }).status, 200);
    }
  });
});

test("serve with an access log that cannot be written says so and does not start", async () => {
  await withFolder(async (folder) => {
    const { code, err } = await berth(["serve", ".", "--port", "0", "--access-log", "none/log"], { cwd: folder });
    assert.notEqual(code, 0);
    assert.match(err, /Cannot write the access log ".*none\/log": ENOENT/);
  });
});
