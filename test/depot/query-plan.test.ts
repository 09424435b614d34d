import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import { openCatalog } from "../../src/names/sql-catalog.ts";
import { jobOf } from "../../src/names/sql-changes.ts";
import * as queries from "../../src/names/sql-queries.ts";
import * as repositories from "../../src/names/sql-repositories.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { temporaryRoot } from "./scene.ts";

const manifest: Descriptor = { mediaType: MediaType.ImageIndex, digest: digestOf(Buffer.from("a")), size: 1 };
const child = digestOf(Buffer.from("b"));

/** Every statement of every kind of change. */
function changes(): string[] {
  const job = jobOf(1, [
    { manifest, subject: manifest, children: [child], present: true },
    { manifest: { ...manifest, digest: child }, present: false },
    { tag: "a", to: manifest, expect: null },
    { tag: "b", to: { ...manifest, digest: child }, expect: child },
    { tag: "c", to: null },
  ]);
  return [...(job.checks ?? []), ...job.statements].map(({ sql }) => sql);
}

function reads(): string[] {
  return [queries, repositories].flatMap((file) =>
    Object.values(file).filter((value): value is string => typeof value === "string"),
  );
}

describe("the catalog's statements", () => {
  for (const [kind, texts] of [
    ["read", reads()],
    ["change", changes()],
  ] as const) {
    test(`find what they ${kind} by a key or in a range of an index, already sorted`, async (t) => {
      assert.ok(texts.length > 8, `only ${texts.length} statements`);
      const path = join(await temporaryRoot(t), "catalog.db");
      await openCatalog(path)[Symbol.asyncDispose]();
      const database = new DatabaseSync(path);
      t.after(() => database.close());
      for (const sql of texts) {
        const values = Array.from({ length: sql.split("?").length - 1 }, () => null);
        const plan = database
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all(...values)
          .map((row) => String(row["detail"]));
        for (const step of plan) {
          assert.doesNotMatch(step, /SCAN|TEMP B-TREE|AUTOMATIC/, `${sql}\n${plan.join("\n")}`);
        }
        // What is asked for by type is not looked for among all the others.
        if (sql.includes("artifact_type = ?")) assert.match(plan.join(), /artifact_type=\?/, sql);
        assert.doesNotMatch(sql, /OFFSET|COUNT\s*\(/i, sql);
      }
    });
  }
});
