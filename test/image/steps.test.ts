import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { listImageFiles, listLayerFiles } from "../../src/image/image-files.ts";
import type { ModImageOptions } from "../../src/image/mod.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { bytesOf, configOf, documentOf, layersOf, put, temporary } from "./fixture.ts";
import { putImage, type Written } from "./layers.ts";
import { app, base, made, mod, names } from "./scene.ts";

async function append(t: TestContext): Promise<string> {
  const path = join(await temporary(t), "new");
  await writeFile(path, "new");
  return path;
}

describe("steps of image mod", () => {
  test("layers are added on top, and taken away by number and by their history", async (t) => {
    const { store, descriptor } = await made({ layers: [base, app] });
    const added = await mod(store, descriptor, { addLayers: [{ path: await append(t), target: "/opt/new" }] });
    assert.deepEqual(await names(added.image), ["/app", "/etc", "/etc/release", "/opt", "/opt/new"]);
    assert.deepEqual(
      added.image.config?.history.map(({ createdBy }) => createdBy),
      ["STEP 0", "STEP 1", "COPY file /opt/new"],
    );
    const removed = await mod(store, added.descriptor, { removeLayers: { indexes: [2], createdBy: [/^STEP 1$/] } });
    assert.deepEqual(await names(removed.image), ["/etc", "/etc/release"]);
    assert.deepEqual(
      removed.image.config?.history.map(({ createdBy }) => createdBy),
      ["STEP 0"],
    );
    await assert.rejects(
      mod(store, descriptor, { removeLayers: { indexes: [2] } }),
      /There is no layer 2: the image has 2/,
    );
    await assert.rejects(mod(store, descriptor, { removeLayers: { createdBy: [/gone/] } }), /No layer of the image/);
  });

  test("files are stripped from all layers, and a hard link to one is an error", async () => {
    const hard: readonly Written[] = [...base, { path: "etc/other", type: "hardlink", linkPath: "etc/release" }];
    const { store, descriptor } = await made({ layers: [base, app] });
    const stripped = await mod(store, descriptor, { strip: ["/etc/release", "app/"] });
    assert.deepEqual(await names(stripped.image), ["/etc"]);
    assert.equal(layersOf(await documentOf(store, stripped.descriptor)).length, 2);
    assert.deepEqual((await mod(store, descriptor, { strip: ["/et"] })).changes, []);
    const linked = await putImage(store, { layers: [hard] });
    await assert.rejects(mod(store, linked, { strip: ["etc/release"] }), (error) => isOciError(error, "UNSUPPORTED"));
    await mod(store, linked, { strip: ["etc/release", "etc/other"] });
  });

  test("times follow rules: set, after, from a label, the base's layers left alone", async () => {
    const { store, descriptor } = await made({
      layers: [base, app],
      config: { Labels: { built: "2020-01-01T00:00:00Z" } },
    });
    const times = async (change: Partial<ModImageOptions>): Promise<(number | undefined)[]> =>
      (await listImageFiles((await mod(store, descriptor, change)).image))
        .filter(({ type }) => type === "file")
        .map(({ modifiedAt }) => modifiedAt);
    const set = new Date("2015-01-01T00:00:00Z");
    assert.deepEqual(await times({ layerTime: { set } }), [1_420_070_400, 1_420_070_400]);
    assert.deepEqual(await times({ layerTime: { set, after: set } }), [1_420_070_400, 1_000_000_000]);
    assert.deepEqual(await times({ layerTime: { label: "built", baseLayers: 1 } }), [1_577_836_800, 1_000_000_000]);
    assert.deepEqual(
      await times({ fileTimes: [{ path: "/etc/release", rule: { set } }] }),
      [1_700_000_000, 1_420_070_400],
    );
    await assert.rejects(times({ layerTime: { label: "none" } }), /no such label/);
    const { image } = await mod(store, descriptor, { configTime: { set, baseLayers: 1 } });
    assert.deepEqual(
      [image.config?.created, ...(image.config?.history ?? []).map(({ created }) => created)],
      ["2015-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2015-01-01T00:00:00Z"],
    );
  });

  test("reproducible headers name no owners; recompressed layers keep their DiffIDs", async () => {
    const { store, descriptor } = await made({ layers: [base, app] });
    const clean = await mod(store, descriptor, { reproducible: true });
    assert.deepEqual(
      (await listLayerFiles(clean.image, 1)).map(({ userName, groupName }) => [userName, groupName]),
      [[undefined, undefined]],
    );
    assert.equal(clean.changes.filter(({ role }) => role === "layer").length, 1);
    const before = await configOf(store, descriptor);
    for (const [compression, mediaType] of [
      ["zstd", MediaType.LayerZstd],
      ["none", MediaType.Layer],
    ] as const) {
      const { image } = await mod(store, descriptor, { compression });
      assert.deepEqual(
        image.manifest.layers.map((layer) => layer.mediaType),
        [mediaType, mediaType],
      );
      assert.deepEqual(image.config?.diffIds, before.diffIds);
      assert.deepEqual(await names(image), ["/app", "/etc", "/etc/release"]);
      assert.deepEqual((await mod(store, image.descriptor, { compression })).changes, []);
    }
  });

  test("media types go to Docker's and back to the same digest; zstd and artifacts have no way there", async () => {
    const { store, descriptor } = await made({ layers: [base] });
    const docker = await mod(store, descriptor, { mediaTypes: "docker" });
    const document = await documentOf(store, docker.descriptor);
    assert.equal(docker.descriptor.mediaType, MediaType.DockerManifest);
    assert.equal(document["mediaType"], MediaType.DockerManifest);
    assert.deepEqual(
      [docker.image.manifest.config.mediaType, docker.image.manifest.layers[0]?.mediaType],
      [MediaType.DockerConfig, MediaType.DockerLayerGzip],
    );
    const back = await mod(store, docker.descriptor, { mediaTypes: "oci" });
    assert.equal(back.descriptor.digest, descriptor.digest);
    const zstd = await mod(store, descriptor, { compression: "zstd" });
    await assert.rejects(mod(store, zstd.descriptor, { mediaTypes: "docker" }), (error) =>
      isOciError(error, "UNSUPPORTED"),
    );
    await assert.rejects(mod(store, docker.descriptor, { compression: "zstd" }), (error) =>
      isOciError(error, "UNSUPPORTED"),
    );
  });

  test("digests of another algorithm, and content inlined up to a size", async () => {
    const { store, descriptor } = await made({ layers: [base] });
    const other = await mod(store, descriptor, { algorithm: "sha512" });
    const { config, layers } = other.image.manifest;
    for (const each of [other.descriptor, config, ...layers]) assert.match(each.digest, /^sha512:/);
    assert.deepEqual(await names(other.image), ["/etc", "/etc/release"]);
    const inlined = await mod(store, descriptor, { dataMax: 4096, config: { user: "me" } });
    for (const each of [inlined.image.manifest.config, ...inlined.image.manifest.layers]) {
      assert.deepEqual(Buffer.from(each.data ?? "", "base64"), await bytesOf(store, each, "blob"));
    }
    const without = await mod(store, inlined.descriptor, { dataMax: 0 });
    assert.equal(JSON.stringify(without.image.document).includes('"data"'), false);
  });

  test("annotations come from labels and go up to the index; attestations become referrers", async () => {
    const store = createMemoryStore();
    const images = [];
    for (const architecture of ["amd64", "arm64"]) {
      const image = await putImage(store, {
        layers: [base],
        architecture,
        config: { Labels: { all: "1", own: architecture } },
      });
      images.push({ ...image, platform: { os: "linux", architecture } });
    }
    const statement = await put(store, "blob", "application/vnd.in-toto+json", { statement: true });
    const config = await put(store, "blob", MediaType.ImageConfig, {
      architecture: "unknown",
      os: "unknown",
      rootfs: { type: "layers", diff_ids: [statement.digest] },
    });
    const attestation = await put(store, "manifest", MediaType.ImageManifest, {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config,
      layers: [statement],
    });
    const annotations = {
      [Annotation.DockerReferenceType]: "attestation-manifest",
      [Annotation.DockerReferenceDigest]: images[0]?.digest,
    };
    const index = await put(store, "manifest", MediaType.ImageIndex, {
      schemaVersion: 2,
      mediaType: MediaType.ImageIndex,
      manifests: [...images, { ...attestation, platform: { os: "unknown", architecture: "unknown" }, annotations }],
    });
    const { descriptor } = await mod(store, index, {
      labelsToAnnotations: true,
      promoteAnnotations: true,
      attestationsToReferrers: true,
    });
    const document = await documentOf(store, descriptor);
    assert.deepEqual(document["annotations"], { all: "1" });
    const children = document["manifests"] as unknown as Descriptor[];
    assert.equal(children.length, 2);
    const referrers = [];
    for await (const referrer of store.referrers(children[0] ?? index)) referrers.push(referrer.descriptor);
    assert.deepEqual(
      referrers.map(({ artifactType }) => artifactType),
      ["application/vnd.in-toto+json"],
    );
    assert.deepEqual(layersOf(await documentOf(store, referrers[0] ?? index)), [statement]);
  });

  test("build arguments leave the history", async () => {
    const history = [
      { created_by: "ARG TOKEN=secret", empty_layer: true },
      { created_by: "RUN |2 TOKEN=se cret V=1 /bin/sh -c make # buildkit" },
      { created_by: "|1 TOKEN=x /bin/sh -c test" },
    ];
    const { store, descriptor } = await made({ layers: [base, app], history });
    const { image } = await mod(store, descriptor, { removeBuildArguments: [{ name: "TOKEN" }] });
    assert.deepEqual(
      image.config?.history.map(({ createdBy }) => createdBy),
      ["RUN |1 V=1 /bin/sh -c make # buildkit", "/bin/sh -c test"],
    );
    const kept = await mod(store, descriptor, {
      removeBuildArguments: [{ name: "TOKEN", value: /^none$/ }, { name: "OKEN" }],
    });
    assert.deepEqual(kept.changes, []);
  });
});
