import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLayoutIndex } from "../../src/spec/layout-index.ts";
import { checkAcknowledged, startWriter } from "./writers.ts";
import { quickFolder } from "../support/quick-folder.ts";
import { runSeed, seeded } from "../support/random.ts";

const KILLS = 200;
/** Writers alive at the same time. */
const TOGETHER = 5;
/** Milliseconds from a writer's first acknowledged push to its end. */
const LONGEST_LIFE = 40;

test(`${KILLS} writers are killed at random, and nothing that was acknowledged is lost`, async (t) => {
  const base = await mkdtemp(join(quickFolder(), "berth-killed-"));
  t.after(() => rm(base, { recursive: true }));
  assert.deepEqual(await startWriter(join(base, "warm-up"), "one", 2).ended, { code: 0, stderr: "" });
  const root = join(base, "layout");
  const seed = runSeed();
  t.diagnostic(`BERTH_SEED=${seed}`);
  const random = seeded(seed);
  const lines: string[] = [];
  let started = 0;
  const killOneAfterAnother = async (): Promise<void> => {
    while (started < KILLS) {
      started += 1;
      const writer = startWriter(root, `w${started}`, 10_000);
      await writer.begun;
      await sleep(random() * LONGEST_LIFE);
      writer.process.kill("SIGKILL");
      assert.deepEqual(await writer.ended, { code: null, stderr: "" });
      lines.push(...writer.said());
      parseLayoutIndex(await readFile(join(root, "index.json")));
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, killOneAfterAnother));
  await checkAcknowledged(root, lines);
  const next = startWriter(root, "after", 8);
  assert.deepEqual(await next.ended, { code: 0, stderr: "" });
  await checkAcknowledged(root, [...lines, ...next.said()]);
  t.diagnostic(`${lines.length} acknowledged writes`);
});
