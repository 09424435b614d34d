import assert from "node:assert/strict";
import { copy } from "../../src/transfer/copy.ts";
import { toArray } from "./content.ts";
import { pushSampleGraph, readWhole } from "./graph.ts";
import type { Medium } from "./media.ts";

/** Copies a graph from one medium to another and proves it: whole, equal, and nothing left to do. */
export async function provesCopy(from: Medium, to: Medium): Promise<void> {
  await using source = await from.open();
  await using target = await to.open();
  const graph = await pushSampleGraph(source, "v1");
  const expected = await readWhole(source, graph.root);
  const roots = [{ descriptor: await source.resolve({ tag: "v1" }), tags: ["v1", "stable"] }];
  await copy({ source, target, roots });
  assert.deepEqual(await readWhole(target, graph.root), expected);
  for (const tag of ["v1", "stable"]) assert.equal((await target.resolve({ tag })).digest, graph.root.digest);
  for (const tag of graph.digestTags) {
    assert.equal((await target.resolve({ tag })).digest, (await source.resolve({ tag })).digest);
  }
  const [listed] = (await toArray(target.referrers(graph.root))).map(({ descriptor }) => descriptor);
  assert.equal(listed?.artifactType, "application/vnd.cyclonedx+json");
  assert.deepEqual({ ...listed.annotations }, { "org.example.of": "root" });
  const again = await copy({ source, target, roots });
  const { push, mount, link } = again.nodes;
  assert.deepEqual(
    { push, mount, link, named: again.named, listed: again.listedReferrers },
    { push: 0, mount: 0, link: 0, named: [], listed: 0 },
  );
}
