import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../../src/bytes/hash.ts";
import { openArchive } from "../../src/archive/open-archive.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { openLocator } from "../../src/open/open-locator.ts";
import type { OpenMode } from "../../src/open/open-options.ts";
import { type Opened, resolveOpened } from "../../src/open/opened.ts";
import { parseImageConfig } from "../../src/spec/image-config.ts";
import { parseLocator } from "../../src/spec/locator.ts";
import { parseManifest } from "../../src/spec/manifest.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { copy } from "../../src/transfer/copy.ts";
import { failsWith } from "../contract/context.ts";
import { json, piece, pushBlob, pushImage, pushManifest, readAll, toArray, image } from "../support/content.ts";
import { configOf, layerTar, legacySave } from "./saved.ts";
import { entriesOf, namesIn, scene, tarInput, tarOf } from "./scene.ts";

function open(locator: string, mode: OpenMode = "read"): Promise<Opened> {
  return openLocator(parseLocator(locator), { mode, env: {}, home: undefined, cwd: "/" });
}

const [base, app] = [await layerTar("base"), await layerTar("app")];

async function imageIn(store: Store, tag: string): Promise<{ mediaTypes: string[]; layers: Buffer[]; config: Buffer }> {
  const descriptor = await store.resolve({ tag });
  const manifest = parseManifest(await readAll(store.fetch(descriptor)), descriptor.mediaType);
  assert.equal(manifest.form, "image");
  if (manifest.form !== "image") throw new Error("not an image");
  const layers: Buffer[] = [];
  for (const layer of manifest.layers) layers.push(await readAll(store.fetch(layer, { kind: "blob" })));
  const config = await readAll(store.fetch(manifest.config, { kind: "blob" }));
  return { mediaTypes: manifest.layers.map(({ mediaType }) => mediaType), layers, config };
}

describe("what docker save wrote", () => {
  test("is an image whose layers are the plain tars, links and all, and the same whoever reads it", async () => {
    await using at = await scene();
    const saved = await tarOf(
      legacySave([
        { names: ["app:v1", "docker.io/me/app:other"], layers: [base, app] },
        { names: ["second:v2"], layers: [base] },
      ]),
    );
    await writeFile(at.path("a.tar"), saved);
    await writeFile(at.path("a.tar.gz"), gzipSync(saved));
    const digests = new Set<string>();
    for (const name of ["a.tar", "a.tar.gz"]) {
      await using opened = await open(`docker-archive:${at.path(name)}:app:v1`);
      assert.equal(opened.tag, "v1");
      digests.add((await resolveOpened(opened)).digest);
      const read = await imageIn(opened.store, "v1");
      assert.deepEqual(read.mediaTypes, [MediaType.Layer, MediaType.Layer]);
      assert.deepEqual(read.layers, [base, app]);
      assert.deepEqual(parseImageConfig(read.config).diffIds, [digestOf(base), digestOf(app)]);
      assert.deepEqual((await imageIn(opened.store, "v2")).layers, [base], "a link to the other's layer");
      assert.deepEqual(
        (await toArray(opened.store.tags())).map((tag) => tag.name),
        ["other", "v1", "v2"],
      );
    }
    assert.equal(digests.size, 1);
  });

  test("finds an image by every spelling of its name", async () => {
    await using at = await scene();
    const saved = legacySave([
      { names: ["app:latest"], layers: [app] },
      { names: ["base:latest", "base:1"], layers: [base] },
    ]);
    await writeFile(at.path("a.tar"), await tarOf(saved));
    for (const [name, layers] of [
      ["app", [app]],
      ["app:latest", [app]],
      ["docker.io/library/app:latest", [app]],
      ["base:latest", [base]],
      ["base:1", [base]],
    ] as const) {
      await using opened = await open(`docker-archive:${at.path("a.tar")}:${name}`);
      assert.deepEqual((await imageIn(opened.store, opened.tag ?? "")).layers, layers, name);
    }
    await using all = await open(`docker-archive:${at.path("a.tar")}`);
    const tags = (await toArray(all.store.tags())).map((tag) => tag.name);
    assert.deepEqual(tags, ["1", "app:latest", "base:latest"], "a tag that two images have is told apart");
    await failsWith(resolveOpened(all), "LOCATOR_INVALID");
  });

  test("is one image where it has no name", async () => {
    await using at = await scene();
    await writeFile(at.path("a.tar"), await tarOf(legacySave([{ names: null, layers: [base] }])));
    await using opened = await open(at.path("a.tar"));
    const descriptor = await resolveOpened(opened);
    assert.equal(descriptor.mediaType, MediaType.ImageManifest);
  });

  test("takes compressed layers as they are, with their own digests", async () => {
    await using at = await scene();
    const [gz, zst] = [gzipSync(base), zstdCompressSync(app)];
    const config = configOf([base, app]);
    const manifest = [{ Config: "sha256:c", RepoTags: ["app:v1"], Layers: ["a.tar.gz", "b"] }];
    const entries = [
      tarInput("sha256:c", config),
      tarInput("a.tar.gz", gz),
      tarInput("b", zst),
      tarInput("manifest.json", JSON.stringify(manifest)),
    ];
    await writeFile(at.path("a.tar"), await tarOf(entries));
    await using opened = await open(at.path("a.tar"));
    const read = await imageIn(opened.store, "v1");
    assert.deepEqual(read.mediaTypes, [MediaType.LayerGzip, MediaType.LayerZstd]);
    assert.deepEqual(read.layers, [gz, zst]);
  });

  test("is read as the layout that it also is, unless it is asked for as Docker's", async () => {
    await using at = await scene();
    await using store = await openArchive(at.path("a.tar"), { create: true });
    await pushImage(store, image("one"), ["v1"]);
    await store.commit();
    const entries = [...(await entriesOf(at.path("a.tar")))].filter(
      ([path]) => path !== "blobs" && path !== "blobs/sha256",
    );
    const both = [
      ...entries.map(([path, content]) => tarInput(path, content)),
      ...legacySave([{ names: ["app:docker"], layers: [base] }]),
    ];
    await writeFile(at.path("both.tar"), await tarOf(both));
    await using layout = await open(at.path("both.tar"));
    await using docker = await open(`docker-archive:${at.path("both.tar")}`);
    assert.deepEqual(
      (await toArray(layout.store.tags())).map(({ name }) => name),
      ["v1"],
    );
    assert.deepEqual(
      (await toArray(docker.store.tags())).map(({ name }) => name),
      ["docker"],
    );
  });

  test("cannot be attached to or changed: one clear error, before anything is read", async () => {
    await using at = await scene();
    await writeFile(at.path("a.tar"), await tarOf(legacySave([{ names: ["app:v1"], layers: [base] }])));
    const before = await readFile(at.path("a.tar"));
    for (const locator of [`docker-archive:${at.path("a.tar")}`, at.path("a.tar"), `oci-archive:${at.path("a.tar")}`]) {
      await assert.rejects(
        open(locator, "write"),
        /^OciError: Nothing can be attached to or changed in the docker archive/,
      );
    }
    await failsWith(open(at.path("a.tar"), "create"), "UNSUPPORTED");
    await failsWith(open(`docker-archive:${at.path("a.tar")}:b:c`, "create"), "UNSUPPORTED");
    await failsWith(openArchive(at.path("a.tar")), "UNSUPPORTED");
    await using read = await open(at.path("a.tar"));
    await failsWith(pushImage(read.store, image("x"), ["y"]), "UNSUPPORTED");
    assert.deepEqual(await readFile(at.path("a.tar")), before);
  });
});

/** A store with an image of compressed layers, as a registry has it. */
async function built(): Promise<Store> {
  const store = createMemoryStore();
  const config = piece(configOf([base, app]), MediaType.ImageConfig);
  const layers = [piece(gzipSync(base), MediaType.LayerGzip), piece(zstdCompressSync(app), MediaType.LayerZstd)];
  for (const part of [config, ...layers]) await pushBlob(store, part);
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    },
    MediaType.ImageManifest,
  );
  await pushManifest(store, manifest, ["v1"]);
  return store;
}

async function exportTo(locator: string, source: Store, tag: string): Promise<void> {
  await using target = await open(locator, "create");
  await copy({
    source,
    target: target.store,
    roots: [{ descriptor: await source.resolve({ tag }), tags: [target.tag ?? tag] }],
  });
  await target.commit?.();
}

describe("a docker archive that is written", () => {
  test("has the named image with uncompressed layers, and reads back as the same image", async () => {
    await using at = await scene();
    await exportTo(`docker-archive:${at.path("a.tar")}:me/app:v1`, await built(), "v1");
    assert.deepEqual(await namesIn(dirname(at.path("a.tar"))), ["a.tar"]);
    const entries = await entriesOf(at.path("a.tar"));
    const [listed] = JSON.parse(entries.get("manifest.json")?.toString() ?? "") as {
      Config: string;
      RepoTags: string[];
      Layers: string[];
    }[];
    assert.deepEqual(listed?.RepoTags, ["me/app:v1"]);
    assert.deepEqual(
      listed.Layers.map((path) => entries.get(path)),
      [base, app],
    );
    assert.deepEqual(entries.get(listed.Config), configOf([base, app]));
    await using opened = await open(`docker-archive:${at.path("a.tar")}`);
    assert.deepEqual((await imageIn(opened.store, "v1")).layers, [base, app]);
  });

  test("is the same bytes each time", async () => {
    await using at = await scene();
    await exportTo(`docker-archive:${at.path("a.tar")}:app:v1`, await built(), "v1");
    await exportTo(`docker-archive:${at.path("b.tar")}:app:v1`, await built(), "v1");
    assert.deepEqual(await readFile(at.path("a.tar")), await readFile(at.path("b.tar")));
  });

  test("is not written where the image cannot be in one, or has no name", async () => {
    await using at = await scene();
    const artifact = await openLayout(at.path("layout"), { create: true });
    await pushImage(artifact, image("x"), ["v1"]);
    await failsWith(exportTo(`docker-archive:${at.path("a.tar")}:app:v1`, artifact, "v1"), "UNSUPPORTED");
    const source = await built();
    await using target = await open(`docker-archive:${at.path("a.tar")}`, "create");
    await copy({
      source,
      target: target.store,
      roots: [{ descriptor: await source.resolve({ tag: "v1" }), tags: [] }],
    });
    await assert.rejects(async () => target.commit?.(), /holds named images/);
    assert.equal((await namesIn(dirname(at.path("a")))).includes("a.tar"), false);
  });

  test("is not written when a layer is not what the configuration says", async () => {
    await using at = await scene();
    const store = createMemoryStore();
    const config = piece(configOf([app]), MediaType.ImageConfig);
    const layer = piece(gzipSync(base), MediaType.LayerGzip);
    for (const part of [config, layer]) await pushBlob(store, part);
    const document = { schemaVersion: 2, config: config.descriptor, layers: [layer.descriptor] };
    await pushManifest(store, json(document, MediaType.ImageManifest), ["v1"]);
    await failsWith(exportTo(`docker-archive:${at.path("a.tar")}:app:v1`, store, "v1"), "DIGEST_INVALID");
    assert.deepEqual(await namesIn(dirname(at.path("a"))), []);
  });
});
