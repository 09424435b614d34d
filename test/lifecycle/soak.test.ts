import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "../../scripts/soak/run.ts";
import { runSeed } from "../support/random.ts";

test("F62: pushes, deletes and mounts while garbage is collected every 100 ms: nothing fails, nothing dangles, the space comes back", async (t) => {
  const seed = runSeed();
  t.diagnostic(`seed ${seed}; npm run soak runs it for ten minutes`);
  const report = await soak({ seconds: 10, seed, grace: 2000 });
  assert.deepEqual(report.failures, []);
  assert.ok(report.collections.runs > 5, `only ${report.collections.runs} collections`);
  assert.ok(report.collections.removed > 0 && report.counts.skipped > 0 && report.counts.mounts > 0);
});
