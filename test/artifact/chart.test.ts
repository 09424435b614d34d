import assert from "node:assert/strict";
import { test } from "node:test";
import { pullArtifact } from "../../src/artifact/pull.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { json, piece, pushBlob, pushManifest } from "../support/content.ts";
import { openScene, treeOf } from "./scene.ts";

const TITLE = "org.opencontainers.image.title";
const VERSION = "org.opencontainers.image.version";
const CONFIG = "application/vnd.cncf.helm.config.v1+json";
const CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov";

interface Chart {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly config?: string;
  readonly configType?: string;
}

/** Pulls a chart with its provenance and a layer of another type; gives the files there are, and what was left out. */
async function pullChart(chart: Chart): Promise<{ files: unknown; skipped: readonly string[] }> {
  await using scene = await openScene();
  const store = createMemoryStore();
  const config = piece(chart.config ?? "{}", chart.configType ?? CONFIG);
  const layers = [piece("chart", CHART), piece("signed", PROVENANCE), piece("other", "application/x")];
  for (const part of [config, ...layers]) await pushBlob(store, part);
  const document = {
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(chart.annotations === undefined ? {} : { annotations: chart.annotations }),
  };
  const manifest = json(document, MediaType.ImageManifest);
  await pushManifest(store, manifest);
  await scene.write({ "out/.keep": "" });
  const output = scene.path("out");
  const { skipped } = await pullArtifact({ source: store, descriptor: manifest.descriptor, output });
  const { ".keep": _kept, ...files } = await treeOf(output);
  return { files, skipped: skipped.map(({ mediaType }) => mediaType) };
}

const named = {
  files: { "app-0.2.0+build.1.tgz": "chart", "app-0.2.0+build.1.tgz.prov": "signed" },
  skipped: ["application/x"],
};
const unnamed = { files: {}, skipped: [CHART, PROVENANCE, "application/x"] };

test("a chart and its provenance are pulled under helm's names, other layers without a title are not", async () => {
  assert.deepEqual(await pullChart({ annotations: { [TITLE]: "app", [VERSION]: "0.2.0+build.1" } }), named);
});

test("a chart of an older helm, without annotations, is named by its config", async () => {
  const config = '{"name":"app","version":"0.2.0+build.1"}';
  assert.deepEqual(await pullChart({ config }), named);
  assert.deepEqual(await pullChart({ config, annotations: { [TITLE]: "other" } }), named);
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
  test(`a chart called ${JSON.stringify(title)}, version ${JSON.stringify(version)}, has no name`, async () => {
    assert.deepEqual(await pullChart({ annotations: { [TITLE]: title, [VERSION]: version } }), unnamed);
    assert.deepEqual(await pullChart({ config: JSON.stringify({ name: title, version }) }), unnamed);
  });
}

test("a config that is no JSON, or no chart's, gives no name", async () => {
  for (const config of ["name: app", "[]", '{"name":1,"version":2}', '{"name":"a","name":"b","version":"1"}']) {
    assert.deepEqual(await pullChart({ config }), unnamed, config);
  }
  const annotations = { [TITLE]: "app", [VERSION]: "1" };
  assert.deepEqual(await pullChart({ annotations, configType: "application/x" }), unnamed);
});
