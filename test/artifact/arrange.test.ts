import assert from "node:assert/strict";
import { test } from "node:test";
import { createdOf, type ReferrerChoice } from "../../src/artifact/arrange.ts";
import { discover, type DiscoveredNode } from "../../src/artifact/discover.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Referrer } from "../../src/store/names.ts";
import type { Store } from "../../src/store/store.ts";
import { inside as berth } from "../cli/inside.ts";
import { image, index, json, pushImage, pushManifest } from "../support/content.ts";
import { openScene, stores } from "./scene.ts";

const OCI = "org.opencontainers.image.created";
const OLD_OCI = "org.opencontainers.artifact.created";
const ORAS = "io.cncf.oras.artifact.created";

/** An artifact of a type on a subject; the more annotations, the more bytes. */
async function refer(
  store: Store,
  subject: Descriptor,
  artifactType: string,
  annotations?: Record<string, string>,
): Promise<Descriptor> {
  return pushImage(store, image(artifactType, { artifactType, subject, ...(annotations ? { annotations } : {}) }));
}

/** Referrers made in May, in January, never, in March and at no time that anybody reads, listed in that order. */
async function family(store: Store): Promise<Descriptor> {
  const subject = await pushImage(store, image("subject"), ["v1"]);
  await refer(store, subject, "a/may", { [ORAS]: "2026-05-01T00:00:00Z", team: "blue", size: "large".repeat(40) });
  await refer(store, subject, "c/january", { [OCI]: "2026-01-01T00:00:00Z", team: "red" });
  await refer(store, subject, "e/never");
  // The same hour as 2026-03-01T23:00:00Z, which a comparison of letters would not see.
  await refer(store, subject, "b/march", { [OLD_OCI]: "2026-03-02T01:00:00+02:00", team: "blue", ok: "" });
  await refer(store, subject, "d/nonsense", { [OCI]: "yesterday", size: "large".repeat(20) });
  return subject;
}

function names(nodes: readonly DiscoveredNode[]): readonly string[] {
  return nodes.map(({ artifactType = "none" }) => artifactType.replace(/^.\//, ""));
}

for (const { name, open } of stores) {
  test(`${name}: referrers are ordered by time under every spelling of it, by size and by type`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const subject = await family(store);
    const shown = async (choice: ReferrerChoice): Promise<readonly string[]> =>
      names((await discover({ source: store, subject, ...choice })).referrers);
    const listed = await shown({});
    const untimed = listed.filter((each) => each === "never" || each === "nonsense");
    assert.deepEqual(await shown({ sort: "created" }), ["january", "march", "may", ...untimed]);
    assert.deepEqual(await shown({ sort: "created", descending: true }), ["may", "march", "january", ...untimed]);
    assert.deepEqual(await shown({ sort: "created", descending: true, top: 2 }), ["may", "march"]);
    assert.deepEqual(await shown({ sort: "type" }), ["may", "march", "january", "nonsense", "never"]);
    assert.deepEqual(await shown({ sort: "type", descending: true, top: 1 }), ["never"]);
    const sizes = await discover({ source: store, subject, sort: "size" });
    const bytes = sizes.referrers.map(({ descriptor }) => descriptor.size);
    assert.deepEqual(
      bytes,
      bytes.toSorted((a, b) => a - b),
    );
    assert.deepEqual([names(sizes.referrers)[0], names(sizes.referrers).at(-1)], ["never", "may"]);
    assert.deepEqual(await shown({ top: 2 }), listed.slice(0, 2));
  });

  test(`${name}: referrers are kept by their annotations: there, of a value, of all asked for`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const subject = await family(store);
    const shown = async (choice: ReferrerChoice): Promise<readonly string[]> =>
      names((await discover({ source: store, subject, sort: "type", ...choice })).referrers);
    assert.deepEqual(await shown({ annotations: [{ key: "team" }] }), ["may", "march", "january"]);
    assert.deepEqual(await shown({ annotations: [{ key: "team", value: "blue" }] }), ["may", "march"]);
    assert.deepEqual(await shown({ annotations: [{ key: "team", value: "blue" }, { key: "ok" }] }), ["march"]);
    assert.deepEqual(await shown({ annotations: [{ key: "ok", value: "" }] }), ["march"]);
    assert.deepEqual(await shown({ annotations: [{ key: "ok", value: "yes" }] }), []);
    assert.deepEqual(await shown({ annotations: [{ key: "toString" }] }), []);
    assert.deepEqual(await shown({ annotations: [{ key: "team" }], artifactType: "c/january" }), ["january"]);
    assert.deepEqual(await shown({ annotations: [{ key: "team" }], top: 1 }), ["may"]);
    assert.deepEqual(await shown({ artifactType: "d/nonsense", top: 1 }), ["nonsense"]);
    assert.deepEqual(await shown({ annotations: [{ key: "team", value: "red" }], top: 1 }), ["january"]);
  });

  test(`${name}: each level has its own order and its own first ones, and the way to what is wanted stays`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const child = await pushImage(store, image("child"));
    const list = index([child]);
    await pushManifest(store, list);
    const sbom = await refer(store, child, "a/sbom", { [OCI]: "2026-01-01T00:00:00Z" });
    await refer(store, child, "a/later", { [OCI]: "2026-02-01T00:00:00Z" });
    await refer(store, sbom, "a/old", { [OCI]: "2026-03-01T00:00:00Z", by: "ann" });
    await refer(store, sbom, "a/new", { [OCI]: "2026-04-01T00:00:00Z", by: "bob" });
    const first = await discover({ source: store, subject: list.descriptor, sort: "created", top: 1 });
    assert.deepEqual(names(first.children[0]?.referrers ?? []), ["sbom"]);
    assert.deepEqual(names(first.children[0]?.referrers[0]?.referrers ?? []), ["old"]);
    const way = await discover({ source: store, subject: list.descriptor, annotations: [{ key: "by", value: "bob" }] });
    assert.deepEqual(names(way.children[0]?.referrers ?? []), ["sbom"]);
    assert.deepEqual(names(way.children[0]?.referrers[0]?.referrers ?? []), ["new"]);
  });
}

test("a listing without annotations is filled in from the manifests", async () => {
  const store = createMemoryStore();
  const subject = await family(store);
  const source = {
    fetch: store.fetch,
    async *referrers(of: Descriptor): AsyncIterable<Referrer> {
      for await (const { descriptor } of store.referrers(of)) {
        const { annotations: _left, ...rest } = descriptor;
        yield { descriptor: rest, via: "fallback-tag" };
      }
    },
  };
  const newest = await discover({ source, subject, sort: "created", descending: true, top: 1 });
  assert.deepEqual(names(newest.referrers), ["may"]);
  const red = await discover({ source, subject, annotations: [{ key: "team", value: "red" }] });
  assert.deepEqual(names(red.referrers), ["january"]);
});

test("what is not shown is not asked for", async () => {
  const store = createMemoryStore();
  const subject = await family(store);
  const asked: string[] = [];
  const source = {
    fetch: store.fetch,
    referrers(of: Descriptor): AsyncIterable<Referrer> {
      asked.push(of.digest);
      return store.referrers(of);
    },
  };
  await discover({ source, subject, sort: "created", top: 1 });
  assert.equal(asked.length, 2);
});

test("the time is that of the first name that holds one", () => {
  assert.equal(createdOf({ [OCI]: "yesterday", [ORAS]: "2026-01-01T00:00:00Z" }), "2026-01-01T00:00:00Z");
  assert.equal(
    createdOf({ [ORAS]: "2025-01-01T00:00:00Z", [OLD_OCI]: "2026-01-01T00:00:00Z" }),
    "2026-01-01T00:00:00Z",
  );
  assert.equal(createdOf({ [OCI]: "yesterday", [OLD_OCI]: "today" }), "yesterday");
  assert.equal(createdOf({ other: "2026-01-01T00:00:00Z" }), undefined);
});

test("without a filter nothing is dropped, a child that nothing hangs on least of all", async () => {
  const store = createMemoryStore();
  const list = index([await pushImage(store, image("alone"))]);
  await pushManifest(store, list);
  const found = await discover({ source: store, subject: list.descriptor, sort: "size", top: 1 });
  assert.equal(found.children.length, 1);
});

test("a dead artifact manifest is dated by its own spelling", async () => {
  const store = createMemoryStore();
  const subject = await pushImage(store, image("subject"));
  for (const [mediaType, key] of [
    [MediaType.OciArtifactManifest, OLD_OCI],
    [MediaType.OrasArtifactManifest, ORAS],
  ] as const) {
    const annotations = { [key]: "2022-11-14T22:13:20Z" };
    await pushManifest(store, json({ mediaType, artifactType: "a/b", blobs: [], subject, annotations }, mediaType));
  }
  const { referrers } = await discover({ source: store, subject });
  assert.deepEqual(
    referrers.map(({ created }) => created),
    ["2022-11-14T22:13:20Z", "2022-11-14T22:13:20Z"],
  );
});

test("berth discover takes them all, in the tree and in JSON", async () => {
  await using scene = await openScene();
  {
    await using store = await openLayout(scene.path("images"), { create: true });
    await family(store);
  }
  const at = { cwd: scene.root, env: { LANG: "C.UTF-8" } };
  const args = ["discover", "./images:v1", "--annotation", "team", "--sort", "created", "--desc", "--top", "2"];
  const [drawn, json_, alone] = await Promise.all([
    berth(args, at),
    berth([...args, "--json"], at),
    berth(["discover", "./images:v1", "--desc"], at),
  ]);
  assert.equal(drawn.code, 0, drawn.err);
  assert.deepEqual(
    drawn.out
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => /^\S+ (\S+)/.exec(line)?.[1]),
    ["a/may", "b/march"],
  );
  const { referrers } = JSON.parse(json_.out) as { referrers: readonly DiscoveredNode[] };
  assert.deepEqual(names(referrers), ["may", "march"]);
  assert.equal(alone.code, 2);
  assert.match(alone.err, /--sort/);
});
