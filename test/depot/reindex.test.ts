import assert from "node:assert/strict";
import { open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { reindex } from "../../src/depot/reindex.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { berth } from "../cli/berth.ts";
import { image, index, pushImage, pushManifest, toArray } from "../support/content.ts";
import { pushSampleGraph, readWhole } from "../support/graph.ts";
import { type DepotScene, depotScene, digestAt, namesIn, pushBeside, rewrite, tagsOf } from "./follow-scene.ts";

const NOTHING = {
  repositories: 1,
  repositoriesRemoved: 0,
  tags: { added: 0, moved: 0, removed: 0 },
  manifests: { added: 0, removed: 0 },
  unreadable: [],
};

/** Stops the server, so that its root is free. */
async function stop({ depot }: DepotScene): Promise<void> {
  await depot[Symbol.asyncDispose]();
}

describe("berth depot reindex", () => {
  test("does nothing where catalog and layouts agree", async (t) => {
    const scene = await depotScene(t);
    await pushSampleGraph(await scene.depot.repository("a"), "v1");
    await stop(scene);
    assert.deepEqual(await reindex(scene.root), NOTHING);
    assert.deepEqual(await reindex(scene.root, { prune: true }), NOTHING);
  });

  test("rebuilds a catalog that is lost, and leaves the layouts as they are", async (t) => {
    const scene = await depotScene(t);
    const graph = await pushSampleGraph(await scene.depot.repository("a"), "v1");
    await stop(scene);
    const before = await readFile(join(scene.root, "a", "index.json"), "utf8");
    await rm(join(scene.root, ".berth"), { recursive: true });
    const rehearsed = await reindex(scene.root, { dryRun: true });
    assert.deepEqual(await readdir(scene.root), ["a"]);
    const report = await reindex(scene.root);
    assert.deepEqual(rehearsed, report);
    assert.deepEqual(report.tags, { added: 2, moved: 0, removed: 0 });
    assert.deepEqual(report.manifests, { added: 7, removed: 0 });
    assert.equal(await readFile(join(scene.root, "a", "index.json"), "utf8"), before);
    await scene.reopen();
    const store = await scene.depot.repository("a");
    const below = await readWhole(store, graph.root);
    for (const { digest } of [...graph.children, ...graph.referrers]) assert.ok(below.has(digest));
    assert.deepEqual(await tagsOf(store), [...graph.digestTags, "v1"]);
  });

  test("refuses a folder that has neither layouts nor a catalog, and leaves nothing in it", async (t) => {
    const scene = await depotScene(t);
    await stop(scene);
    await rm(join(scene.root, ".berth"), { recursive: true });
    await writeFile(join(scene.root, "notes.txt"), "no registry");
    for (const dryRun of [true, false]) {
      await assert.rejects(reindex(scene.root, { dryRun }), (error) => isOciError(error, "NAME_UNKNOWN"));
    }
    assert.deepEqual(await readdir(scene.root), ["notes.txt"]);
  });

  for (const [what, damage] of [
    ["is no database", (path: string) => writeFile(path, "no database at all, but long enough to be one".repeat(100))],
    ["has a page that is overwritten", overwritePage],
  ] as const) {
    test(`keeps a catalog aside that ${what}, and makes it anew`, async (t) => {
      const scene = await depotScene(t);
      const one = await pushImage(await scene.depot.repository("a"), image("1"), ["v1"]);
      await stop(scene);
      const path = join(scene.root, ".berth", "catalog.db");
      await damage(path);
      const damaged = await readFile(path);
      await assert.rejects(scene.reopen(), (error) => isOciError(error, "CONTENT_DAMAGED"));
      assert.match((await reindex(scene.root, { dryRun: true })).damaged ?? "", /catalog\.db\.damaged-/);
      assert.deepEqual(await readFile(path), damaged);
      const report = await reindex(scene.root);
      assert.deepEqual(report.tags, { added: 1, moved: 0, removed: 0 });
      assert.deepEqual(await readFile(report.damaged ?? ""), damaged);
      await scene.reopen();
      assert.equal(await digestAt(await scene.depot.repository("a"), "v1"), one.digest);
    });
  }

  test("keeps what only the catalog knows, and forgets it with --prune", async (t) => {
    const scene = await depotScene(t);
    const a = await scene.depot.repository("a");
    const [child, other] = [await pushImage(a, image("child")), await pushImage(a, image("other"), ["other"])];
    const list = index([child]);
    await pushManifest(a, list, ["all"]);
    await pushImage(a, image("sbom", { subject: other, artifactType: "application/x.sbom" }));
    await pushImage(await scene.depot.repository("b"), image("b"), ["v1"]);
    await stop(scene);
    // Another tool removes a tag and a referrer, moves a tag and adds one; somebody removes a layout.
    await rewrite(scene.root, (document) => {
      document.manifests = document.manifests.filter((entry) => entry["digest"] === other.digest);
    });
    await rewrite(scene.root, (document) => {
      document.manifests = document.manifests.filter((entry) =>
        JSON.stringify(entry["annotations"]).includes("ref.name"),
      );
    });
    const fresh = await pushBeside(scene.root, "fresh", ["fresh", "other"]);
    await rm(join(scene.root, "b"), { recursive: true });
    const plain = await reindex(scene.root);
    assert.deepEqual(plain, {
      ...NOTHING,
      tags: { added: 1, moved: 1, removed: 0 },
      manifests: { added: 1, removed: 0 },
    });
    const rehearsed = await reindex(scene.root, { prune: true, dryRun: true });
    const report = await reindex(scene.root, { prune: true });
    assert.deepEqual(report, rehearsed);
    assert.deepEqual(report, {
      ...NOTHING,
      repositoriesRemoved: 1,
      tags: { added: 0, moved: 0, removed: 1 },
      manifests: { added: 0, removed: 4 },
    });
    await scene.reopen();
    assert.deepEqual(await toArray(scene.depot.repositories()), ["a"]);
    assert.equal(await digestAt(await scene.depot.repository("a"), "fresh"), fresh.digest);
  });

  test("with --prune forgets tags, and with them what only they led to", async (t) => {
    const scene = await depotScene(t);
    const a = await scene.depot.repository("a");
    const [child, kept] = [await pushImage(a, image("child")), await pushImage(a, image("kept"), ["kept"])];
    await pushManifest(a, index([child]), ["all"]);
    await stop(scene);
    await rewrite(scene.root, (document) => {
      document.manifests = document.manifests.filter((entry) => entry["digest"] === kept.digest);
    });
    const report = await reindex(scene.root, { prune: true });
    assert.deepEqual(report.tags, { added: 0, moved: 0, removed: 1 });
    assert.deepEqual(report.manifests, { added: 0, removed: 2 });
    await scene.reopen();
    const store = await scene.depot.repository("a");
    assert.deepEqual(await tagsOf(store), ["kept"]);
    await assert.rejects(store.resolve({ digest: child.digest }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
    await scene.depot.settle();
    assert.deepEqual(Object.keys(await namesIn(scene.root)), ["kept"]);
  });

  test("with --prune keeps what was pushed and never came into index.json", async (t) => {
    const scene = await depotScene(t);
    const store = await scene.depot.repository("a");
    await pushImage(store, image("1"), ["v1"]);
    await scene.depot.settle();
    const before = await readFile(join(scene.root, "a", "index.json"));
    const two = await pushImage(store, image("2"), ["v2"]);
    const loose = await pushImage(store, image("3"));
    await scene.depot.settle();
    await stop(scene);
    // As if the server had been killed before it wrote index.json.
    const database = new DatabaseSync(join(scene.root, ".berth", "catalog.db"));
    database.exec("UPDATE tag SET exported = NULL WHERE name = 'v2'");
    database.exec("INSERT INTO listing_change (repository_id, digest) SELECT repository_id, digest FROM manifest");
    database.close();
    await writeFile(join(scene.root, "a", "index.json"), before);
    assert.deepEqual(await reindex(scene.root, { prune: true }), NOTHING);
    // What is not there at all goes all the same.
    await rm(join(scene.root, "a", "blobs", "sha256", two.digest.slice(7)));
    const report = await reindex(scene.root, { prune: true });
    assert.deepEqual([report.tags.removed, report.manifests.removed], [1, 1]);
    await scene.reopen();
    assert.equal((await (await scene.depot.repository("a")).resolve({ digest: loose.digest })).digest, loose.digest);
  });

  test("leaves what it cannot read, and says so", async (t) => {
    const scene = await depotScene(t);
    for (const name of ["a", "b"]) await pushImage(await scene.depot.repository(name), image(name), ["v1"]);
    await stop(scene);
    await writeFile(join(scene.root, "a", "index.json"), "{");
    const report = await reindex(scene.root, { prune: true });
    assert.deepEqual(
      report.unreadable.map(({ repository }) => repository),
      ["a"],
    );
    const { code, err } = await berth(["depot", "reindex", scene.root]);
    assert.equal(code, 1);
    assert.match(err, /a was left as it was/);
  });

  test("refuses while a server has the root, a layout, and a folder that is not there", async (t) => {
    const scene = await depotScene(t);
    const { code, err } = await berth(["depot", "reindex", scene.root]);
    assert.equal(code, 6);
    assert.match(err, /Another process serves/);
    await openLayout(join(scene.root, "a"), { create: true });
    await assert.rejects(reindex(join(scene.root, "a")), (error) => isOciError(error, "LAYOUT_INVALID"));
    await assert.rejects(reindex(join(scene.root, "nowhere")), (error) => isOciError(error, "NAME_UNKNOWN"));
  });

  test("leaves a catalog of a later version alone", async (t) => {
    const scene = await depotScene(t);
    await stop(scene);
    const database = new DatabaseSync(join(scene.root, ".berth", "catalog.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    for (const dryRun of [true, false]) {
      await assert.rejects(reindex(scene.root, { dryRun }), (error) => isOciError(error, "UNSUPPORTED"));
    }
    assert.deepEqual(
      (await readdir(join(scene.root, ".berth"))).filter((name) => name.includes("damaged")),
      [],
    );
    await rm(join(scene.root, ".berth"), { recursive: true });
    await scene.reopen();
  });

  test("tells as JSON what it did", async (t) => {
    const scene = await depotScene(t);
    await stop(scene);
    await pushBeside(scene.root, "1", ["v1", "v2"]);
    const { code, out } = await berth(["depot", "reindex", scene.root, "--json"]);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), {
      ...NOTHING,
      tags: { added: 2, moved: 0, removed: 0 },
      manifests: { added: 1, removed: 0 },
    });
    await scene.reopen();
  });
});

/** Damages the middle of a database's file, and leaves its head. */
async function overwritePage(path: string): Promise<void> {
  const file = await open(path, "r+");
  const { size } = await file.stat();
  await file.write(Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
  await file.close();
}
