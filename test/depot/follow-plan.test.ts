import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import { FollowChanges } from "../../src/names/sql-follow-changes.ts";
import {
  FollowedNames,
  followedRepositories,
  followedRepository,
  repositoriesBehind,
} from "../../src/names/sql-follow.ts";
import { openCatalog } from "../../src/names/sql-catalog.ts";
import { toArray } from "../support/content.ts";
import { temporaryRoot } from "./scene.ts";

const digest = digestOf(Buffer.from("a"));

/** Every statement with which following reads and writes the catalog. */
async function statements(): Promise<string[]> {
  const asked: string[] = [];
  const read = {
    get: (sql: string) => void asked.push(sql),
    all: (sql: string) => (asked.push(sql), []),
  };
  const names = new FollowedNames(read, 1);
  await names.changedTags(1);
  await names.changedListings(1);
  await names.tag("v1");
  await names.isSuperseded("v1", digest, 0);
  await names.manifest(digest);
  await names.isTagged(digest);
  await names.tagCount(digest);
  await names.hasParent(digest);
  await names.isGoing(digest);
  await names.isWaiting(digest, 1);
  await names.lastListing();
  await names.fallback("v1");
  for (const rows of [
    names.exportedTags(),
    names.fallbacks(),
    names.manifests(),
    names.unnamed(),
    names.referrers(digest),
  ]) {
    await toArray<unknown>(rows);
  }
  await followedRepository(read, "a");
  await toArray(followedRepositories(read));
  await repositoriesBehind(read);
  const changes = new FollowChanges(1);
  const written = [
    ...changes.takeTag("v1", digest, null),
    ...changes.sawTag("v1", digest),
    ...changes.sawTag("v1", null),
    ...changes.dropTag("v1"),
    ...changes.superseded("v1", digest, 1),
    ...changes.forgetSuperseded(1),
    ...changes.listed(1),
    ...changes.relist(digest, undefined),
    ...changes.fallback("v1", digest),
    ...changes.fallback("v1", undefined),
    ...changes.holds(digest),
    ...changes.stamp("x"),
  ];
  return [...asked, ...written.map(({ sql }) => sql)];
}

test("what following asks of the catalog is found by a key or in a range of an index", async (t) => {
  const path = join(await temporaryRoot(t), "catalog.db");
  await openCatalog(path)[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  t.after(() => database.close());
  for (const sql of await statements()) {
    const values = Array.from({ length: sql.split("?").length - 1 }, () => null);
    const plan = database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...values)
      .map((row) => String(row["detail"]));
    for (const step of plan) {
      // What has still to be written is as short as it gets, and read from its own index.
      if (
        /^SCAN (?:listing_change|tag) USING (?:COVERING )?INDEX (?:listing_change_by_repository|tag_to_export)$/.test(
          step,
        )
      )
        continue;
      if (/^(?:LEFT-MOST SUBQUERY|UNION USING TEMP B-TREE|USE TEMP B-TREE FOR)/.test(step) && sql.includes("UNION"))
        continue;
      assert.doesNotMatch(step, /SCAN|TEMP B-TREE|AUTOMATIC/, `${sql}\n${plan.join("\n")}`);
    }
  }
});
