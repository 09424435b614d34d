import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseLayoutIndex } from "../../src/spec/layout-index.ts";
import { isTag } from "../../src/spec/name.ts";
import { checkAcknowledged, startWriter } from "./writers.ts";
import { quickFolder } from "../support/quick-folder.ts";

const PROCESSES = 40;
const TAGS = 25;

test("forty processes write 25 tags each into one new layout at once, and nothing is lost", async (t) => {
  const root = await mkdtemp(join(quickFolder(), "berth-together-"));
  t.after(() => rm(root, { recursive: true }));
  const layout = join(root, "layout");
  assert.deepEqual(await startWriter(join(root, "warm-up"), "one", 1).ended, { code: 0, stderr: "" });
  const writers = Array.from({ length: PROCESSES }, (_, at) => startWriter(layout, `p${at}`, TAGS));
  for (const writer of writers) assert.deepEqual(await writer.ended, { code: 0, stderr: "" });
  const lines = writers.flatMap((writer) => writer.said());
  const tags = lines.filter((line) => !line.startsWith(">"));
  assert.equal(tags.length, PROCESSES * TAGS);
  await checkAcknowledged(layout, lines);
  const index = parseLayoutIndex(await readFile(join(layout, "index.json")));
  const names = index.entries.map((entry) => entry.descriptor.annotations?.["org.opencontainers.image.ref.name"] ?? "");
  assert.equal(names.filter((name) => isTag(name) && name.startsWith("p")).length, PROCESSES * TAGS);
  assert.deepEqual(await readdir(join(layout, ".berth", "uploads")), []);
});
