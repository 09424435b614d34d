import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { full } from "../../scripts/faults/full.ts";
import { Table } from "../../scripts/faults/table.ts";

test(full.about, async (t) => {
  const base = await mkdtemp(join(tmpdir(), "berth-full-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const violations: string[] = [];
  const outcome = await full.run({
    seed: 1,
    points: 1,
    operations: [],
    base,
    table: new Table(),
    violation: (message) => violations.push(message),
    say: (line) => t.diagnostic(line),
  });
  if ("skipped" in outcome) return t.skip(outcome.skipped);
  assert.deepEqual(violations, []);
  t.diagnostic(JSON.stringify(outcome.counts));
});
