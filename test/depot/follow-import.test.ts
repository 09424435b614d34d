import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openLayout } from "../../src/layout/open-layout.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { blob, image, pushBlob, pushImage, toArray } from "../support/content.ts";
import { pushSampleGraph, readWhole } from "../support/graph.ts";
import {
  becomes,
  eventually,
  depotScene,
  digestAt,
  indexOf,
  kept,
  LOOKED_AGAIN,
  namesIn,
  pushBeside,
  rewrite,
  tagsOf,
  unnamedIn,
} from "./follow-scene.ts";

describe("what other tools write into a layout that is served", () => {
  test("is there at the first request for it: a tag, a digest, a list, referrers", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    const two = await pushBeside(root, "2", ["v2", "v1"]);
    await becomes(store, "v2", two.digest);
    assert.equal(await digestAt(store, "v1"), two.digest);
    assert.deepEqual(await tagsOf(store), ["v1", "v2"]);
    const three = await pushBeside(root, "3", []);
    await eventually(async () => assert.equal((await store.resolve({ digest: three.digest })).digest, three.digest));
    await using layout = await openLayout(join(root, "a"));
    const sbom = image("sbom", { subject: one, artifactType: "application/x.sbom" });
    await pushImage(layout, sbom);
    await eventually(async () => {
      const found = await toArray(store.referrers(one));
      assert.deepEqual(
        found.map(({ descriptor }) => [descriptor.digest, descriptor.artifactType]),
        [[sbom.manifest.descriptor.digest, "application/x.sbom"]],
      );
    });
  });

  test("is there whole: children, referrers, digest tags", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    await using layout = await openLayout(join(root, "a"));
    const graph = await pushSampleGraph(layout, "v2");
    await becomes(store, "v2", graph.root.digest);
    const below = await readWhole(store, graph.root);
    for (const { digest } of [...graph.children, ...graph.referrers]) assert.ok(below.has(digest));
    assert.deepEqual(await tagsOf(store), [...graph.digestTags, "v1", "v2"]);
    await depot.settle();
    assert.equal((await namesIn(root))["v2"], graph.root.digest);
  });

  test("is not undone by a push that did not see it", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    const theirs = await pushBeside(root, "2", ["theirs"]);
    const ours = await pushImage(store, image("3"), ["ours"]);
    await depot.settle();
    assert.equal((await namesIn(root))["theirs"], theirs.digest);
    assert.equal((await namesIn(root))["ours"], ours.digest);
    assert.equal(await digestAt(store, "theirs"), theirs.digest);
  });

  test("is taken in at the next start as well, and in layouts that are new", async (t) => {
    const scene = await depotScene(t);
    await pushImage(await scene.depot.repository("a"), image("1"), ["v1"]);
    await scene.depot[Symbol.asyncDispose]();
    const two = await pushBeside(scene.root, "2", ["v1"]);
    const other = await pushBeside(scene.root, "3", ["v1"], "b/c");
    await scene.reopen();
    assert.equal(await digestAt(await scene.depot.repository("a"), "v1"), two.digest);
    assert.equal(await digestAt(await scene.depot.repository("b/c"), "v1"), other.digest);
    const late = await pushBeside(scene.root, "4", ["v1"], "late");
    assert.equal(await scene.depot.has("late"), true);
    assert.equal(await digestAt(await scene.depot.repository("late"), "v1"), late.digest);
    assert.deepEqual(kept(scene.events), []);
  });

  test("stays when a tag of it is pushed, moved and deleted here", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const theirs = await pushBeside(root, "2", ["x", "y"]);
    await becomes(store, "x", theirs.digest);
    await store.update([{ tag: "x", to: null }]);
    const ours = await pushImage(store, image("3"), ["y"]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { y: ours.digest });
    await sleep(LOOKED_AGAIN);
    assert.deepEqual(await tagsOf(store), ["y"]);
  });
});

describe("a tag that both sides changed", () => {
  test("stays at what was pushed, and that is told once", async (t) => {
    const { depot, root, events } = await depotScene(t);
    const store = await depot.repository("a");
    await pushImage(store, image("1"), ["v1", "v2"]);
    await depot.settle();
    await pushBeside(root, "theirs", ["v1", "v2", "v3"]);
    const ours = await pushImage(store, image("ours"), ["v1", "v3"]);
    await store.update([{ tag: "v2", to: null }]);
    await depot.settle();
    await sleep(LOOKED_AGAIN);
    assert.equal(await digestAt(store, "v1"), ours.digest);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { v1: ours.digest, v3: ours.digest });
    assert.deepEqual(kept(events).toSorted(), [
      ["v1", "conflict"],
      ["v2", "conflict"],
      ["v3", "conflict"],
    ]);
  });

  test("stays at what was pushed when a tool writes back what it had read before", async (t) => {
    const { depot, root, events } = await depotScene(t);
    const store = await depot.repository("a");
    const path = join(root, "a", "index.json");
    const loose = await pushImage(store, image("loose"));
    await pushImage(store, image("1"), ["v1", "gone"]);
    await depot.settle();
    const read = JSON.parse(await readFile(path, "utf8")) as { manifests: JsonObject[] };
    // Meanwhile two more pushes, each exported; a deletion, a new tag.
    await pushImage(store, image("2"), ["v1"]);
    await depot.settle();
    const last = await pushImage(store, image("3"), ["v1", "new"]);
    await store.update([{ tag: "gone", to: null }]);
    const sbom = await pushImage(store, image("sbom", { subject: last, artifactType: "application/x.sbom" }));
    await depot.settle();
    const entry = read.manifests.find((each) => each["digest"] === loose.digest);
    read.manifests.push({ ...entry, annotations: { [Annotation.RefName]: "theirs" } });
    await writeFile(path, JSON.stringify(read));
    await becomes(store, "theirs", loose.digest);
    assert.equal(await digestAt(store, "v1"), last.digest);
    assert.deepEqual(await tagsOf(store), ["new", "theirs", "v1"]);
    await depot.settle();
    assert.deepEqual(
      Object.keys(await namesIn(root)).filter((name) => !name.startsWith("sha256-")),
      ["new", "theirs", "v1"],
    );
    assert.equal((await namesIn(root))["v1"], last.digest);
    assert.ok((await unnamedIn(root)).includes(sbom.digest), "what was lost is written again");
    assert.ok(Object.hasOwn(await namesIn(root), fallbackTag(last.digest)));
    assert.deepEqual(kept(events).toSorted(), [
      ["gone", "stale"],
      ["v1", "stale"],
    ]);
  });

  test("is left when others take it away: index.json gets it back", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1", "v2"]);
    await depot.settle();
    await rewrite(root, (document) => void document.manifests.shift());
    await sleep(LOOKED_AGAIN);
    assert.deepEqual(await tagsOf(store), ["v1", "v2"]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { v1: one.digest, v2: one.digest });
  });
});

test("a layout half written by a tool without a lock is waited for, and told of", async (t) => {
  const { depot, root, events } = await depotScene(t);
  const store = await depot.repository("a");
  const one = await pushImage(store, image("1"), ["v1"]);
  await depot.settle();
  const path = join(root, "a", "index.json");
  const whole = await readFile(path, "utf8");
  await writeFile(path, whole.slice(0, 40));
  await sleep(LOOKED_AGAIN);
  assert.equal(await digestAt(store, "v1"), one.digest);
  assert.ok(events.some(({ type }) => type === "unreadable" || type === "index-not-written"));
  await writeFile(path, whole);
  await depot.settle();
  assert.deepEqual(await namesIn(root), { v1: one.digest });
});

test("a catalog that is lost comes back from the layouts", async (t) => {
  const scene = await depotScene(t);
  const store = await scene.depot.repository("a/b");
  const graph = await pushSampleGraph(store, "v1");
  const loose = await pushImage(store, image("loose"));
  await pushBlob(store, blob("x"));
  const tags = await tagsOf(store);
  const before = await indexAfter(scene);
  await rm(join(scene.root, ".berth"), { recursive: true });
  await cp(join(scene.root, "a"), join(scene.root, "copy"), { recursive: true });
  await scene.reopen();
  for (const name of ["a/b", "copy/b"]) {
    const back = await scene.depot.repository(name);
    assert.deepEqual(await tagsOf(back), tags);
    const below = await readWhole(back, graph.root);
    for (const { digest } of [...graph.children, ...graph.referrers]) assert.ok(below.has(digest));
    assert.equal((await back.resolve({ digest: loose.digest })).digest, loose.digest);
  }
  await scene.depot.settle();
  assert.deepEqual((await indexOf(scene.root, "a/b")).entries, before.entries);

  async function indexAfter({ depot, root }: typeof scene): ReturnType<typeof indexOf> {
    await depot[Symbol.asyncDispose]();
    return await indexOf(root, "a/b");
  }
});
