import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDepot } from "../../src/depot/open-depot.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { parseLayoutIndex } from "../../src/spec/layout-index.ts";
import { image } from "../support/content.ts";
import { digestAt, namesIn, pushBeside } from "./follow-scene.ts";

const KILLS = 8;
/** Milliseconds from the first acknowledged push to the end. */
const LONGEST_LIFE = 300;

test(`E47: a depot is killed ${KILLS} times amid writing index.json: it is whole each time, and the next start right`, async (t) => {
  const root = await mkdtemp(join(tmpdir(), "berth-follow-killed-"));
  t.after(() => rm(root, { recursive: true }));
  const last = new Map<string, string>();
  let acknowledged = 0;
  for (let round = 0; round < KILLS; round += 1) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "follow-child.ts"), root, String(round)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await once(child.stdout, "data");
    await sleep((LONGEST_LIFE * (round + 1)) / KILLS);
    child.kill("SIGKILL");
    await once(child, "close");
    parseLayoutIndex(await readFile(join(root, "a", "index.json")));
    const lines = said.split("\n").slice(0, -1);
    for (const line of lines) {
      const [tag = "", digest = ""] = line.split(" ");
      last.set(tag, digest);
    }
    acknowledged += lines.length;
    // Other tools go on with the layout meanwhile.
    const theirs = await pushBeside(root, `theirs ${round}`, [`theirs-${round}`]);
    last.set(`theirs-${round}`, theirs.digest);
    await using depot = await openDepot(root);
    const store = await depot.repository("a");
    // The push that was under way may have come in as well.
    const under = { tag: `t${lines.length % 7}`, digest: image(`${round} ${lines.length}`).manifest.descriptor.digest };
    for (const [tag, digest] of last) {
      const found = await digestAt(store, tag);
      if (tag === under.tag && found === under.digest) last.set(tag, found);
      else assert.equal(found, digest, tag);
    }
    await depot.settle();
    const names = await namesIn(root);
    for (const tag of last.keys()) assert.equal(names[tag], await digestAt(store, tag), tag);
    const { findings } = await fsckLayout(join(root, "a"));
    assert.deepEqual(
      findings.filter(({ severity }) => severity === "error"),
      [],
    );
  }
  t.diagnostic(`${acknowledged} acknowledged pushes`);
  assert.ok(acknowledged >= KILLS);
});
