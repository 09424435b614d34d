import assert from "node:assert/strict";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import { entryName } from "../../src/spec/layout-index.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { blob, image, index, pushBlob, pushImage, pushManifest, toArray } from "../support/content.ts";
import { pushSampleGraph, readWhole } from "../support/graph.ts";
import { depotScene, eventually, indexOf, namesIn, pushBeside, rewrite, tagsOf, unnamedIn } from "./follow-scene.ts";

describe("index.json follows the catalog", () => {
  test("by itself, soon after a push", async (t) => {
    const { depot, root } = await depotScene(t);
    const first = await pushImage(await depot.repository("a"), image("1"), ["v1"]);
    while (Object.keys(await namesIn(root)).length === 0) await sleep(20);
    assert.deepEqual(await namesIn(root), { v1: first.digest });
  });

  test("when tags come, move and go", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1", "latest"]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { latest: one.digest, v1: one.digest });
    const two = await pushImage(store, image("2"), ["v2", "latest"]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { latest: two.digest, v1: one.digest, v2: two.digest });
    await store.update([{ tag: "v2", to: null }]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { latest: two.digest, v1: one.digest });
    assert.deepEqual((await fsckLayout(join(root, "a"))).findings, []);
  });

  test("with manifests that nothing names, as long as nothing names them", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const loose = await pushImage(store, image("loose"));
    const child = await pushImage(store, image("child"));
    await depot.settle();
    assert.deepEqual((await unnamedIn(root)).toSorted(), [loose.digest, child.digest].toSorted());
    const list = index([child]);
    await pushManifest(store, list, ["all"]);
    await depot.settle();
    assert.deepEqual(await unnamedIn(root), [loose.digest]);
    await store.update([{ tag: "named", to: loose }]);
    await depot.settle();
    assert.deepEqual(await unnamedIn(root), []);
    await store.update([{ tag: "named", to: null }]);
    await depot.settle();
    assert.deepEqual(await unnamedIn(root), [loose.digest]);
    await store.delete?.(list.descriptor, { kind: "manifest" });
    await store.delete?.(loose, { kind: "manifest" });
    await depot.settle();
    assert.deepEqual(await unnamedIn(root), [child.digest]);
    assert.deepEqual(await namesIn(root), {});
  });

  test("with referrers, as a layout that was copied to has them", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const graph = await pushSampleGraph(store, "v1");
    await depot.settle();
    const layout = await openLayout(join(root, "a"), { readOnly: true });
    const below = await readWhole(layout, graph.root);
    for (const { digest } of [...graph.children, ...graph.referrers]) assert.ok(below.has(digest));
    const { entries } = await indexOf(root);
    const marked = entries.filter((each) => each.descriptor.annotations?.[Annotation.ReferrerSubject]);
    assert.deepEqual(
      marked.map((each) => each.descriptor.digest).toSorted(),
      graph.referrers.map((each) => each.digest).toSorted(),
    );
    const lists = Object.keys(await namesIn(root)).filter((name) => name.startsWith("sha256-") && !name.includes("."));
    assert.equal(lists.length, 3, "one list per subject");
    assert.equal((await fsckLayout(join(root, "a"))).clean, true);
    // They are no tags of the repository.
    assert.deepEqual(
      (await toArray(store.tags())).map(({ name }) => name),
      [...graph.digestTags, "v1"],
    );
    const [sbom] = graph.referrers;
    assert.ok(sbom);
    await store.delete?.(sbom, { kind: "manifest" });
    await depot.settle();
    const left = await toArray((await openLayout(join(root, "a"))).referrers(graph.root));
    assert.deepEqual(left, []);
    assert.equal(Object.hasOwn(await namesIn(root), fallbackTag(graph.root.digest)), false);
  });

  test("and leaves a fallback tag alone that somebody pushed", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const subject = await pushImage(store, image("subject"), ["v1"]);
    const own = index([]);
    await pushManifest(store, own, [fallbackTag(subject.digest)]);
    await pushImage(store, image("sbom", { subject, artifactType: "application/x.sbom" }));
    await depot.settle();
    assert.equal((await namesIn(root))[fallbackTag(subject.digest)], own.descriptor.digest);
    assert.equal((await toArray((await openLayout(join(root, "a"))).referrers(subject))).length, 1);
  });

  test("and keeps what others wrote into it", async (t) => {
    const { depot, root } = await depotScene(t, async (folder) => {
      await pushBeside(folder, "theirs", ["v1", "v2"]);
    });
    const store = await depot.repository("a");
    await rewrite(root, (document) => {
      Object.assign(document, { annotations: { "org.example.note": "kept" } });
      Object.assign(document.manifests[1] ?? {}, { "x-field": { a: [1, 2.5] } });
      const [entry] = document.manifests;
      document.manifests.push({ ...entry, annotations: { [Annotation.RefName]: "docker.io/library/thing:v3" } });
      document.manifests.push({ ...entry, annotations: { [Annotation.RefName]: "no tag at all" } });
    });
    await eventually(async () => assert.deepEqual(await tagsOf(store), ["v1", "v2", "v3"]));
    const ours = await pushImage(store, image("ours"), ["v1", "v3", "v4"]);
    await depot.settle();
    const after = await indexOf(root);
    const theirs = image("theirs").manifest.descriptor.digest;
    assert.deepEqual(after.rest["annotations"], { "org.example.note": "kept" });
    assert.deepEqual(await namesIn(root), {
      "docker.io/library/thing:v3": ours.digest,
      "no tag at all": theirs,
      v1: ours.digest,
      v2: theirs,
      v4: ours.digest,
    });
    assert.deepEqual(after.entries.find((entry) => entryName(entry) === "v2")?.json["x-field"], { a: [1, 2.5] });
  });

  test("when the server stops, and has nothing left to say at the next start", async (t) => {
    const scene = await depotScene(t);
    const one = await pushImage(await scene.depot.repository("a"), image("1"), ["v1"]);
    await scene.reopen();
    assert.deepEqual(await namesIn(scene.root), { v1: one.digest });
    const before = await stat(join(scene.root, "a", "index.json"), { bigint: true });
    await scene.depot.settle();
    assert.equal((await stat(join(scene.root, "a", "index.json"), { bigint: true })).ino, before.ino);
    assert.deepEqual(
      scene.events.filter(({ type }) => type !== "index-written"),
      [],
    );
  });

  test("in more than one go when there is much to say", async (t) => {
    const { depot, root, events } = await depotScene(t);
    const store = await depot.repository("a");
    const target = await pushImage(store, image("1"));
    const tags = Array.from({ length: 21_000 }, (_, at) => `t${at}`);
    await store.update(tags.map((tag) => ({ tag, to: target })));
    await depot.settle();
    assert.equal(Object.keys(await namesIn(root)).length, 21_000);
    assert.ok(events.filter(({ type }) => type === "index-written").length >= 2);
  });

  test("of repositories that lie within each other", async (t) => {
    const { depot, root } = await depotScene(t);
    for (const name of ["a", "a/b", "blobs/x"])
      await pushImage(await depot.repository(name), image(name), [`of-${name.at(-1)}`]);
    await depot.settle();
    assert.deepEqual(Object.keys(await namesIn(root)), ["of-a"]);
    assert.deepEqual(Object.keys(await namesIn(root, "a/b")), ["of-b"]);
    assert.deepEqual(Object.keys(await namesIn(root, "_blobs/x")), ["of-x"]);
  });
});

describe("an index.json that is", () => {
  test("lost is written again whole", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const graph = await pushSampleGraph(store, "v1");
    const loose = await pushImage(store, image("loose"));
    await depot.settle();
    const before = await indexOf(root);
    await rm(join(root, "a", "index.json"));
    await pushBlob(store, blob("x"));
    await store.update([{ tag: "v2", to: graph.root }]);
    await depot.settle();
    const after = await indexOf(root);
    assert.equal(after.entries.length, before.entries.length + 1);
    assert.equal((await namesIn(root))["v1"], graph.root.digest);
    assert.ok((await unnamedIn(root)).includes(loose.digest));
    const layout = await openLayout(join(root, "a"), { readOnly: true });
    const below = await readWhole(layout, graph.root);
    for (const { digest } of graph.referrers) assert.ok(below.has(digest));
  });

  test("damaged is moved away and told of, and written again whole", async (t) => {
    const { depot, root, events } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    const path = join(root, "a", "index.json");
    await writeFile(path, '{"schemaVersion":2,"manifests":[{"med{"mediaType"');
    await utimes(path, 1e9, 1e9);
    await store.update([{ tag: "v2", to: one }]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { v1: one.digest, v2: one.digest });
    const told = events.find(({ type }) => type === "index-set-aside");
    assert.ok(told?.type === "index-set-aside");
    assert.match(await readFile(told.path, "utf8"), /"med\{/);
  });

  test("a directory is moved away as well", async (t) => {
    const { depot, root, events } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    await rm(join(root, "a", "index.json"));
    await mkdir(join(root, "a", "index.json"));
    await utimes(join(root, "a", "index.json"), 1e9, 1e9);
    await store.update([{ tag: "v2", to: one }]);
    await depot.settle();
    assert.deepEqual(await namesIn(root), { v1: one.digest, v2: one.digest });
    assert.ok(events.some(({ type }) => type === "index-set-aside"));
  });

  test("out of reach is told of, tried again, and keeps no other from being written", async (t) => {
    const { depot, root, events } = await depotScene(t);
    for (const name of ["a", "b"]) await pushImage(await depot.repository(name), image(name), ["v1"]);
    await depot.settle();
    await rename(join(root, "a", ".berth"), join(root, "a", "berth"));
    await writeFile(join(root, "a", ".berth"), "in the way");
    for (const name of ["a", "b"]) {
      const store = await depot.repository(name);
      await store.update([{ tag: "v2", to: await store.resolve({ tag: "v1" }) }]);
    }
    await depot.settle();
    assert.deepEqual(Object.keys(await namesIn(root)), ["v1"]);
    assert.deepEqual(Object.keys(await namesIn(root, "b")), ["v1", "v2"]);
    const told = events.flatMap((event) => (event.type === "index-not-written" ? [event.repository] : []));
    assert.deepEqual([...new Set(told)], ["a"]);
    await rm(join(root, "a", ".berth"));
    await rename(join(root, "a", "berth"), join(root, "a", ".berth"));
    await depot.settle();
    assert.deepEqual(Object.keys(await namesIn(root)), ["v1", "v2"]);
  });
});
