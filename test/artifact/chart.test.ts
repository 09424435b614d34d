import assert from "node:assert/strict";
import { test } from "node:test";
import { chartTitle } from "../../src/artifact/chart.ts";
import { pullArtifact } from "../../src/artifact/pull.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { json, piece, pushBlob, pushManifest } from "../support/content.ts";
import { openScene, treeOf } from "./scene.ts";

const TITLE = "org.opencontainers.image.title";
const VERSION = "org.opencontainers.image.version";
const CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov";

test("a chart and its provenance are pulled under helm's names, other layers without a title are not", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const config = piece("{}", "application/vnd.cncf.helm.config.v1+json");
  const layers = [piece("chart", CHART), piece("signed", PROVENANCE), piece("other", "application/x")];
  for (const part of [config, ...layers]) await pushBlob(store, part);
  const document = {
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: { [TITLE]: "app", [VERSION]: "0.2.0+build.1" },
  };
  const manifest = json(document, MediaType.ImageManifest);
  await pushManifest(store, manifest);
  const output = scene.path("out");
  const { skipped } = await pullArtifact({ source: store, descriptor: manifest.descriptor, output });
  assert.deepEqual(await treeOf(output), { "app-0.2.0+build.1.tgz": "chart", "app-0.2.0+build.1.tgz.prov": "signed" });
  assert.deepEqual(
    skipped.map(({ mediaType }) => mediaType),
    ["application/x"],
  );
});

for (const [title, version] of [
  ["../app", "1"],
  ["a/b", "1"],
  ["app", "../../1"],
  ["app", ""],
  [".app", "1"],
  ["app\n", "1"],
  ["a".repeat(101), "1"],
] as const) {
  test(`a chart called ${JSON.stringify(title)}, version ${JSON.stringify(version)}, has no title`, () => {
    const layer = piece("chart", CHART).descriptor;
    assert.equal(chartTitle(layer, { [TITLE]: title, [VERSION]: version }), undefined);
  });
}

test("a chart without annotations has no title", () => {
  const layer = piece("chart", CHART).descriptor;
  assert.equal(chartTitle(layer, undefined), undefined);
  assert.equal(chartTitle(layer, { [TITLE]: "app" }), undefined);
  assert.equal(chartTitle({ ...layer, mediaType: "toString" }, { [TITLE]: "app", [VERSION]: "1" }), undefined);
});
