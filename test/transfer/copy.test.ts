import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { copy, planCopy } from "../../src/transfer/copy.ts";
import type { TransferEvent } from "../../src/transfer/event.ts";
import { image, index, pushImage, pushManifest, toArray } from "../support/content.ts";
import { pushSampleGraph, readWhole } from "../support/graph.ts";

/** A store that shows every write in the order it took effect. */
function watched(inner: Store, log: string[], fail?: (count: number) => void): Store {
  let count = 0;
  return decorate(inner, {
    push: async (descriptor, source, options) => {
      fail?.((count += 1));
      const result = await inner.push(descriptor, source, options);
      log.push(`${options.kind} ${descriptor.digest}`);
      return result;
    },
    update: async (changes, options) => {
      fail?.((count += 1));
      const result = await inner.update(changes, options);
      for (const { tag } of changes) log.push(`tag ${tag}`);
      return result;
    },
  });
}

describe("copy", () => {
  test("brings the whole graph, and a second copy moves nothing", async () => {
    const source = createMemoryStore();
    const target = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const roots = [{ descriptor: graph.root, tags: ["v1"] }];
    const first = await copy({ source, target, roots });
    assert.deepEqual(await readWhole(target, graph.root), await readWhole(source, graph.root));
    assert.equal((await target.resolve({ tag: "v1" })).digest, graph.root.digest);
    for (const tag of graph.digestTags) {
      assert.equal((await target.resolve({ tag })).digest, (await source.resolve({ tag })).digest);
    }
    assert.equal(first.nodes.push, 19);
    assert.deepEqual(first.named, [...graph.digestTags, "v1"]);
    const second = await copy({ source, target, roots });
    assert.deepEqual(second.nodes, { push: 0, mount: 0, link: 0, skip: 7 });
    assert.deepEqual([second.pushedBytes, second.named, second.listedReferrers], [0, [], 0]);
    const deep = await copy({ source, target, roots, deep: true });
    assert.deepEqual(deep.nodes, { push: 0, mount: 0, link: 0, skip: 19 });
  });

  test("content comes before manifests, manifests before the tag, referrers before the tag", async () => {
    const source = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const log: string[] = [];
    const target = watched(createMemoryStore(), log);
    await copy({ source, target, roots: [{ descriptor: graph.root, tags: ["v1"] }], concurrency: 8 });
    const at = (entry: string): number => log.indexOf(entry);
    assert.equal(at("tag v1"), log.length - 1);
    for (const child of graph.children) assert.ok(at(`manifest ${child.digest}`) < at(`manifest ${graph.root.digest}`));
    for (const part of image("amd64").blobs) {
      assert.ok(at(`blob ${part.descriptor.digest}`) < at(`manifest ${graph.children[0]?.digest}`));
    }
    for (const referrer of graph.referrers) assert.ok(at(`manifest ${referrer.digest}`) >= 0);
  });

  test("a failure at any point leaves no tag, and the next run sends only the rest", async () => {
    const source = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const roots = [{ descriptor: graph.root, tags: ["v1"] }];
    for (let at = 1; ; at += 1) {
      const inner = createMemoryStore();
      const log: string[] = [];
      let failed = false;
      const broken = watched(inner, log, (count) => {
        failed ||= count === at;
        if (count === at) throw new OciError("NO_SPACE", "Disk full");
      });
      const run = copy({ source, target: broken, roots });
      if (at > 20) {
        await run;
        assert.equal(failed, false);
        break;
      }
      await assert.rejects(run, (error) => isOciError(error, "NO_SPACE"));
      await assert.rejects(inner.resolve({ tag: "v1" }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
      const again: string[] = [];
      await copy({ source, target: watched(inner, again), roots });
      assert.equal((await inner.resolve({ tag: "v1" })).digest, graph.root.digest);
      assert.deepEqual(await readWhole(inner, graph.root), await readWhole(source, graph.root));
      const twice = again.filter((entry) => !entry.startsWith("tag") && log.includes(entry));
      assert.deepEqual(twice, [], `sent twice after a failure at ${at}`);
    }
  });

  test("parts stay behind on purpose only", async () => {
    const source = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const roots = [{ descriptor: graph.root, tags: ["v1"] }];
    const bare = createMemoryStore();
    await copy({ source, target: bare, roots, referrers: false });
    assert.deepEqual(await toArray(bare.referrers(graph.root)), []);
    assert.deepEqual(
      (await toArray(bare.tags())).map((tag) => tag.name),
      ["v1"],
    );
    const chosen = createMemoryStore();
    await copy({ source, target: chosen, roots, artifactTypes: ["application/sarif+json"] });
    assert.deepEqual(await toArray(chosen.referrers(graph.root)), []);
    const [amd] = graph.children;
    assert.ok(amd);
    assert.equal((await toArray(chosen.referrers(amd))).length, 1);
  });

  test("the plan is the copy", async () => {
    const source = createMemoryStore();
    const target = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const options = { source, target, roots: [{ descriptor: graph.root, tags: ["v1"] }] };
    const planned = await toArray(planCopy(options));
    assert.deepEqual(await toArray(target.tags()), []);
    const events: TransferEvent[] = [];
    await copy({ ...options, onEvent: (event) => events.push(event) });
    assert.deepEqual(
      events.flatMap((event) => (event.type === "planned" ? [event.step] : [])),
      planned,
    );
    const done = events.filter((event) => event.type === "done").length;
    assert.equal(done, planned.filter((step) => step.type === "content").length);
  });

  test("a child that the source lacks is named, and nothing becomes visible", async () => {
    const source = createMemoryStore();
    const target = createMemoryStore();
    const here = await pushImage(source, image("here"));
    const sparse = index([here, image("elsewhere").manifest.descriptor]);
    await pushManifest(source, sparse, ["sparse"]);
    await assert.rejects(
      copy({ source, target, roots: [{ descriptor: sparse.descriptor, tags: ["sparse"] }] }),
      (error) => isOciError(error, "MANIFEST_UNKNOWN") && error.context.side === "source",
    );
    assert.deepEqual(await toArray(target.tags()), []);
  });

  test("an abort stops it before the names", async () => {
    const source = createMemoryStore();
    const target = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const stop = new AbortController();
    const run = copy({
      source,
      target,
      roots: [{ descriptor: graph.root, tags: ["v1"] }],
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === "done" && event.kind === "manifest") stop.abort(new Error("Enough"));
      },
    });
    await assert.rejects(run, /Enough/);
    assert.deepEqual(await toArray(target.tags()), []);
  });

  test("several roots share what they have in common", async () => {
    const source = createMemoryStore();
    const target = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const [amd] = graph.children;
    assert.ok(amd);
    const summary = await copy({
      source,
      target,
      roots: [
        { descriptor: graph.root, tags: ["v1", "latest"] },
        { descriptor: amd, tags: ["v1-amd64"] },
      ],
    });
    assert.equal(summary.nodes.push, 19);
    assert.deepEqual(
      (await toArray(target.tags())).map((tag) => tag.name).filter((name) => !name.includes(".sig")),
      ["latest", "v1", "v1-amd64"],
    );
  });
});
