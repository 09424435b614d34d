import assert from "node:assert/strict";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createImage } from "../../src/image/create.ts";
import { type ImageReport, inspectImage } from "../../src/image/inspect.ts";
import { parseLayerText } from "../../src/image/layer-input.ts";
import { parseTime } from "../../src/image/time.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { amd64, application, arm64, put } from "./fixture.ts";

test("an index is described with every image in it", async (t) => {
  const store = createMemoryStore();
  const { descriptor, images } = await createImage({
    target: store,
    layers: [{ path: await application(t), target: "/app" }],
    platforms: [amd64, arm64],
    config: { cmd: ["x"], author: "me" },
    annotations: { index: { a: "b" } },
  });
  const report = await inspectImage(store, descriptor);
  assert.equal(report.form, "index");
  assert.deepEqual(report.annotations, { a: "b" });
  const shown = report.images as readonly ImageReport[];
  assert.deepEqual(
    shown.map((image) => [image.platform, image.author, image.run?.cmd, image.referrers]),
    [
      [amd64, "me", ["x"], 0],
      [arm64, "me", ["x"], 0],
    ],
  );
  const layer = images[0]?.layers[0];
  assert.deepEqual(shown[0]?.layers, [
    { descriptor: layer?.descriptor, diffId: layer?.diffId, createdBy: "COPY . /app" },
  ]);
  assert.deepEqual(shown[0]?.history, ["COPY . /app", 'CMD ["x"]']);
});

test("history of other builders reads as a Dockerfile; an artifact has no configuration", async () => {
  const store = createMemoryStore();
  const config = await put(store, "blob", MediaType.DockerConfig, {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
    history: [
      { created_by: '/bin/sh -c #(nop)  CMD ["sh"]', empty_layer: true },
      { created_by: "/bin/sh -c apk add curl", empty_layer: true },
      { created_by: "ENV A=b # buildkit", empty_layer: true },
      { comment: "imported", empty_layer: true },
    ],
  });
  const manifest = { schemaVersion: 2, mediaType: MediaType.DockerManifest, config, layers: [] };
  const image = (await inspectImage(
    store,
    await put(store, "manifest", MediaType.DockerManifest, manifest),
  )) as ImageReport;
  assert.deepEqual(image.history, ['CMD ["sh"]', "RUN apk add curl", "ENV A=b", "# imported"]);
  const other = await put(store, "blob", "application/x.config", {});
  const document = { schemaVersion: 2, artifactType: "application/x.thing", config: other, layers: [] };
  const artifact = (await inspectImage(
    store,
    await put(store, "manifest", MediaType.ImageManifest, document),
  )) as ImageReport;
  assert.equal(artifact.artifactType, "application/x.thing");
  assert.equal(artifact.run, undefined);
});

test("a damaged configuration is an error that says what is wrong", async () => {
  const good = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } };
  const bad: readonly object[] = [
    [],
    { ...good, rootfs: null },
    { ...good, rootfs: { type: "layers", diff_ids: ["sha256:../../x"] } },
    { ...good, rootfs: { type: "layers", diff_ids: [`sha256:${"a".repeat(64)}`] } },
    { ...good, config: [] },
    { ...good, config: { Env: "A=b" } },
    { ...good, config: { Labels: { a: 1 } } },
    { ...good, config: { ExposedPorts: [] } },
    { ...good, history: {} },
    { ...good, history: [null] },
    { ...good, created: 5 },
  ];
  for (const document of bad) {
    const store = createMemoryStore();
    const config = await put(store, "blob", MediaType.ImageConfig, document);
    const manifest = await put(store, "manifest", MediaType.ImageManifest, { schemaVersion: 2, config, layers: [] });
    await assert.rejects(
      inspectImage(store, manifest),
      (error) => isOciError(error, "MANIFEST_INVALID", "DIGEST_INVALID"),
      JSON.stringify(document),
    );
  }
});

test("layers and times as people write them", () => {
  assert.deepEqual(parseLayerText("./dist:/app"), { path: "./dist", target: "/app" });
  assert.deepEqual(parseLayerText("linux/arm64/v8=out:/x"), {
    path: "out",
    target: "/x",
    platform: { os: "linux", architecture: "arm64", variant: "v8" },
  });
  assert.deepEqual(parseLayerText("rootfs.tar.gz"), { path: "rootfs.tar.gz" });
  assert.deepEqual(parseLayerText("./a/b=c:/x"), { path: "./a/b=c", target: "/x" });
  assert.throws(
    () => parseLayerText(":/x"),
    (error) => isOciError(error, "USAGE"),
  );
  for (const text of ["1769860800", "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00"]) {
    assert.equal(parseTime(text).toISOString(), "2026-01-31T12:00:00.000Z");
  }
  for (const text of ["", "yesterday", "2026-13-01", "01/02/2026"]) {
    assert.throws(
      () => parseTime(text),
      (error) => isOciError(error, "USAGE"),
      text,
    );
  }
});
