import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { openCatalog } from "../../src/names/sql-catalog.ts";
import type { Catalog, SqlJob } from "../../src/names/sql-database.ts";
import { digestKey, digestOfKey, keyBefore } from "../../src/names/sql-digest.ts";
import { REPOSITORY_TABLES } from "../../src/names/sql-schema.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { parseDigest } from "../../src/spec/digest.ts";
import { failsWith } from "../contract/context.ts";
import { temporaryRoot } from "./scene.ts";

function addRepository(name: string): SqlJob {
  return { statements: [{ sql: `INSERT INTO repository (name) VALUES (?) RETURNING id`, values: [name] }] };
}

async function names(catalog: Catalog): Promise<unknown[]> {
  return (await catalog.read.all(`SELECT name FROM repository ORDER BY name`, [])).map((row) => row["name"]);
}

describe("the catalog's database", () => {
  test("a job that fails is rolled back alone, whole, and the others of its commit are kept", async (t) => {
    const root = await temporaryRoot(t);
    await using catalog = openCatalog(join(root, "catalog.db"));
    const outcomes = await Promise.allSettled([
      catalog.write(addRepository("a")),
      catalog.write({ statements: [...addRepository("half").statements, { sql: "INSERT INTO nowhere", values: [] }] }),
      catalog.write({ statements: [...addRepository("other half").statements, ...addRepository("a").statements] }),
      catalog.write({
        checks: [{ sql: `SELECT name FROM repository WHERE id = ?`, values: [1], equals: "b" }],
        statements: addRepository("unchecked").statements,
      }),
      catalog.write(addRepository("z")),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled", "fulfilled"],
    );
    assert.deepEqual(outcomes[3], { status: "fulfilled", value: { failedCheck: 0, found: "a" } });
    assert.deepEqual(await names(catalog), ["a", "z"]);
  });

  test("jobs that wait together share commits", async (t) => {
    const root = await temporaryRoot(t);
    const written = async (file: string, run: (catalog: Catalog) => Promise<unknown>): Promise<number> => {
      await using catalog = openCatalog(join(root, file));
      await catalog.write(addRepository("first"));
      using other = new DatabaseSync(join(root, file));
      // Copies the log into the database, so that it begins again, and says how many pages it had.
      const pages = (): number => Number(other.prepare("PRAGMA wal_checkpoint(PASSIVE)").get()?.["log"]);
      pages();
      await run(catalog);
      assert.equal((await names(catalog)).length, 201);
      return pages();
    };
    const each = Array.from({ length: 200 }, (_, at) => addRepository(`r${at}`));
    const alone = await written("alone.db", async (catalog) => {
      for (const job of each) await catalog.write(job);
    });
    const together = await written("together.db", (catalog) => Promise.all(each.map((job) => catalog.write(job))));
    // Every commit writes the pages that it changed to the log, however many jobs changed them.
    assert.ok(together < alone / 4, `${together} pages of log for 200 jobs at once, ${alone} for one after another`);
  });

  test("a read sees what was acknowledged, at once", async (t) => {
    const root = await temporaryRoot(t);
    await using catalog = openCatalog(join(root, "catalog.db"));
    for (let at = 0; at < 200; at += 1) {
      const name = `r${at}`;
      await catalog.write(addRepository(name));
      assert.ok(await catalog.read.get(`SELECT id FROM repository WHERE name = ?`, [name]), name);
    }
  });

  test("when there is no room for a commit all who wait are told so, and later ones succeed", async (t) => {
    const root = await temporaryRoot(t);
    await using catalog = openCatalog(join(root, "catalog.db"));
    await catalog.write(addRepository("before"));
    const pages = async (most: number): Promise<unknown> =>
      catalog.write({ statements: [{ sql: `PRAGMA max_page_count = ${most}`, values: [] }] });
    // As many pages as there are: the next one that is needed is one too many.
    await pages(1);
    const long = "x".repeat(4000);
    const full = await Promise.allSettled(
      Array.from({ length: 30 }, (_, at) => catalog.write(addRepository(`${at}${long}`))),
    );
    const failed = full.filter((outcome) => outcome.status === "rejected");
    assert.ok(failed.length > 0, "nothing failed");
    for (const { reason } of failed) assert.ok(isOciError(reason, "NO_SPACE"), String(reason));
    const kept = full.flatMap(({ status }, at) => (status === "fulfilled" ? [`${at}${long}`] : []));
    assert.deepEqual(await names(catalog), [...kept, "before"].toSorted());
    await pages(1_000_000);
    await catalog.write(addRepository("after"));
    assert.deepEqual(await names(catalog), [...kept, "after", "before"].toSorted());
  });

  test("what was written is there after it was closed and opened again", async (t) => {
    const path = join(await temporaryRoot(t), "catalog.db");
    {
      await using catalog = openCatalog(path);
      await catalog.write(addRepository("kept"));
    }
    await using catalog = openCatalog(path);
    assert.deepEqual(await names(catalog), ["kept"]);
  });

  test("writing to a closed catalog is refused, closing it waits for what was given before", async (t) => {
    const path = join(await temporaryRoot(t), "catalog.db");
    const catalog = openCatalog(path);
    const last = catalog.write(addRepository("last"));
    await catalog[Symbol.asyncDispose]();
    await last;
    await failsWith(catalog.write(addRepository("late")), "INTERNAL");
    await using again = openCatalog(path);
    assert.deepEqual(await names(again), ["last"]);
  });

  test("a file of a later version is refused and stays as it is; one that is no database is damaged", async (t) => {
    const root = await temporaryRoot(t);
    const later = join(root, "later.db");
    const database = new DatabaseSync(later);
    database.exec("CREATE TABLE future (a); PRAGMA user_version = 2;");
    database.close();
    const before = await readFile(later);
    assert.throws(
      () => openCatalog(later),
      (error) => isOciError(error, "UNSUPPORTED") && /has the version 2, this berth knows 1/.test(error.message),
    );
    assert.deepEqual(await readFile(later), before);
    const broken = join(root, "broken.db");
    await writeFile(broken, "this is no database, and long enough to tell".repeat(200));
    assert.throws(
      () => openCatalog(broken),
      (error) => isOciError(error, "CONTENT_DAMAGED") && /reindex/.test(error.hint),
    );
    await mkdir(join(root, "directory.db"));
    assert.throws(
      () => openCatalog(join(root, "directory.db")),
      (error) => isOciError(error, "IO"),
    );
  });

  test("every table with rows of repositories is one whose rows go with them", async (t) => {
    await using catalog = openCatalog(join(await temporaryRoot(t), "catalog.db"));
    const tables = await catalog.read.all(
      `SELECT DISTINCT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
       WHERE m.type = 'table' AND c.name = 'repository_id' ORDER BY m.name`,
      [],
    );
    assert.deepEqual(
      tables.map((row) => row["name"]),
      REPOSITORY_TABLES.toSorted(),
    );
  });
});

describe("digests as columns", () => {
  const carried = ["blake3:abc", "sha384:00ff", "zzz:Z=_-", "sha256+b64:abc"].map(parseDigest);
  const all = [
    ...Array.from({ length: 20 }, (_, at) => digestOf(Buffer.from(`${at}`))),
    ...Array.from({ length: 20 }, (_, at) => digestOf(Buffer.from(`${at}`), "sha512")),
    ...carried,
  ];

  test("come back as they were and sort as their texts do", () => {
    for (const digest of all) assert.equal(digestOfKey(digestKey(digest)), digest);
    const sorted = all.toSorted((left, right) => Buffer.compare(digestKey(left), digestKey(right)));
    assert.deepEqual(sorted, all.toSorted());
    assert.equal(digestKey(digestOf(Buffer.from(""))).length, 33);
  });

  test("a page after any text begins at or before what sorts after it, and not at the beginning", () => {
    const texts = ["", "a", "sha256:", "sha256:zz", "sha256:8", "sha256:80g", "sha300:", "sha512:7", "t", ...all];
    for (const text of texts) {
      const key = keyBefore(text);
      for (const digest of all) {
        if (digest > text) assert.ok(Buffer.compare(digestKey(digest), key) >= 0, `${digest} after ${text}`);
      }
    }
    const [some] = all;
    assert.ok(some);
    assert.deepEqual(Buffer.from(keyBefore(some)), Buffer.from(digestKey(some)));
  });
});
