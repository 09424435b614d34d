import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import { inside as berth } from "../cli/inside.ts";
import { image, pushImage } from "../support/content.ts";
import { pushSampleGraph } from "../support/graph.ts";
import { servedRegistry } from "./served.ts";

async function run(...args: string[]): Promise<string> {
  const { code, out, err } = await berth(args);
  assert.equal(code, 0, err);
  return out.trimEnd();
}

test("digest: by another algorithm, as a whole reference, of standard input", async () => {
  await using server = await servedRegistry();
  const { manifest, blobs } = image("a");
  await pushImage(await server.registry.repository("app"), { manifest, blobs }, ["v1"]);
  const app = `${server.host}/app`;
  assert.equal(await run("digest", `${app}:v1`), manifest.descriptor.digest);
  assert.equal(await run("digest", `${app}:v1`, "--full"), `${app}@${manifest.descriptor.digest}`);
  assert.equal(await run("digest", `${app}:v1`, "--algorithm", "sha512"), digestOf(manifest.bytes, "sha512"));
  const input = await berth(["digest", "-", "--json"], { input: "content" });
  assert.deepEqual(JSON.parse(input.out), { digest: digestOf(Buffer.from("content")), size: 7 });
});

test("package URLs are printed where a digest in a registry is named, and taken wherever a reference is", async () => {
  await using server = await servedRegistry();
  const graph = await pushSampleGraph(await server.registry.repository("org/app"), "v1");
  const { purl, digest } = JSON.parse(await run("digest", `${server.host}/org/app:v1`, "--json"));
  const url = encodeURIComponent(`${server.host}/org/app`);
  assert.equal(purl, `pkg:oci/app@${graph.root.digest}?repository_url=${url}&tag=v1`);
  assert.equal(await run("digest", purl), digest);
  assert.equal(await run("digest", purl, "--platform", "linux/arm64"), graph.children[1]?.digest);
  assert.equal(await run("digest", `${purl}&arch=arm64`), graph.children[1]?.digest);
  assert.equal(await run("tag", "ls", `pkg:oci/app?repository_url=${url}`), "v1");
  const head = JSON.parse(await run("manifest", "head", `${server.host}/org/app:v1`, "--json"));
  assert.equal(head.purl, purl);
  const purls = (await run("discover", purl, "--format", "[purl, children[].purl, referrers[].purl][]")).split("\n");
  assert.deepEqual(purls.length, 4);
  for (const each of purls) assert.match(await run("manifest", "get", each), /"schemaVersion":2/);
});
