import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { collect } from "../../src/bytes/collect.ts";
import { openImageFiles } from "../../src/image/cat.ts";
import { checkBase } from "../../src/image/check-base.ts";
import { chooseImage, type ChosenImage } from "../../src/image/choose-image.ts";
import { listImageFiles } from "../../src/image/image-files.ts";
import { modImage, type ModImageOptions } from "../../src/image/mod.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { Store } from "../../src/store/store.ts";
import { temporary } from "../image/fixture.ts";
import { putImage, tarOf, type Written } from "../image/layers.ts";
import { missing } from "../support/docker-registry.ts";

const absentCrane = missing("crane", "see https://github.com/google/go-containerregistry");
const absentRegctl = missing("regctl", "see https://github.com/regclient/regclient");

const base: readonly Written[] = [
  { path: "etc/", type: "directory" },
  { path: "etc/release", text: "one\n", modifiedAt: 1_000_000_000 },
  { path: "usr/", type: "directory" },
  { path: "usr/gone", text: "x" },
];
const app: readonly Written[] = [
  { path: "usr/", type: "directory" },
  { path: "usr/.wh.gone" },
  { path: "usr/run", text: "run", mode: 0o755, userName: "me", modifiedAt: 1_700_000_000 },
  { path: "usr/same", type: "hardlink", linkPath: "usr/run" },
  { path: "link", type: "symlink", linkPath: "usr/run" },
];

async function run(home: string, program: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: home };
  const { stdout } = await promisify(execFile)(program, args, { env, cwd: home, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

interface Scene {
  readonly home: string;
  readonly host: string;
  readonly store: Store;
}

describe("crane and berth change images alike", { skip: absentCrane }, () => {
  const registry = createMemoryRegistry();
  let server: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    server = await serve({ registry, host: "127.0.0.1", port: 0 });
  });
  after(async () => {
    await server.close();
    await registry[Symbol.asyncDispose]();
  });

  /** A repository with the images base:1, base:2 and v1 on base:1. */
  async function scene(t: TestContext, name: string): Promise<Scene> {
    const store = await registry.repository(`team/${name}`);
    await putImage(store, { layers: [base], tag: "base1" });
    await putImage(store, { layers: [base, [{ path: "etc/release", text: "two\n" }]], tag: "base2" });
    await putImage(store, { layers: [base, app], tag: "v1", config: { Env: ["A=1"], Cmd: ["run"] } });
    return { home: await temporary(t), host: `${new URL(server.url).host}/team/${name}`, store };
  }

  async function both(
    store: Store,
    change: Partial<ModImageOptions>,
  ): Promise<{ ours: ChosenImage; theirs: ChosenImage }> {
    const descriptor = await store.resolve({ tag: "v1" });
    const ours = await modImage({ source: store, target: store, descriptor, tags: ["ours"], ...change });
    return {
      ours: await chooseImage(store, ours.descriptor, {}),
      theirs: await chooseImage(store, await store.resolve({ tag: "theirs" }), {}),
    };
  }

  test("append: the same layers", async (t) => {
    const { home, host, store } = await scene(t, "append");
    const layer = join(home, "layer.tar");
    await writeFile(layer, tarOf([{ path: "new", text: "new" }]));
    await run(home, "crane", "append", "-b", `${host}:v1`, "-f", layer, "-t", `${host}:theirs`);
    const { ours, theirs } = await both(store, { addLayers: [{ path: layer }] });
    assert.deepEqual(ours.config?.diffIds, theirs.config?.diffIds);
    assert.deepEqual(ours.config?.run, theirs.config?.run);
  });

  test("mutate: the same configuration", async (t) => {
    const { home, host, store } = await scene(t, "mutate");
    const flags = [
      "--entrypoint=/usr/run",
      "--cmd=a,b",
      "-e",
      "B=2",
      "-l",
      "k=v",
      "-u",
      "me",
      "-w",
      "/usr",
      "--exposed-ports=80/tcp",
      "-a",
      "x=y",
    ];
    await run(home, "crane", "mutate", `${host}:v1`, ...flags, "-t", `${host}:theirs`);
    const { ours, theirs } = await both(store, {
      config: {
        entrypoint: ["/usr/run"],
        cmd: ["a", "b"],
        env: { B: "2" },
        labels: { k: "v" },
        user: "me",
        workingDir: "/usr",
        exposedPorts: { "80/tcp": true },
      },
      annotations: { manifest: { x: "y" } },
    });
    assert.deepEqual(ours.config?.run, theirs.config?.run);
    assert.deepEqual(ours.manifest.annotations, theirs.manifest.annotations);
    assert.deepEqual(ours.manifest.layers, theirs.manifest.layers);
  });

  test("rebase: the same layers and configuration", async (t) => {
    const { home, host, store } = await scene(t, "rebase");
    await run(
      home,
      "crane",
      "rebase",
      `${host}:v1`,
      "--old_base",
      `${host}:base1`,
      "--new_base",
      `${host}:base2`,
      "-t",
      `${host}:theirs`,
    );
    const [old, next] = [await store.resolve({ tag: "base1" }), await store.resolve({ tag: "base2" })];
    const { ours, theirs } = await both(store, {
      rebase: { old: { source: store, descriptor: old }, new: { source: store, descriptor: next } },
    });
    assert.deepEqual(ours.config?.diffIds, theirs.config?.diffIds);
    assert.deepEqual(ours.config?.run, theirs.config?.run);
    assert.deepEqual(
      ours.config?.history.map(({ createdBy }) => createdBy),
      theirs.config?.history.map(({ createdBy }) => createdBy),
    );
  });

  test("flatten and export: the same files, and what we flatten crane and tar read", async (t) => {
    const { home, host, store } = await scene(t, "flatten");
    await run(home, "crane", "flatten", `${host}:v1`, "-t", `${host}:theirs`);
    const { ours, theirs } = await both(store, { flatten: true });
    const listed = async (image: ChosenImage): Promise<string[]> =>
      (await listImageFiles(image)).map(({ path }) => path);
    assert.deepEqual(await listed(ours), await listed(theirs));
    for (const tag of ["v1", "ours"]) {
      await run(home, "crane", "export", `${host}:${tag}`, `${tag}.tar`);
      const exported = (await run(home, "tar", "tf", `${tag}.tar`)).trim().split("\n");
      assert.deepEqual(
        exported.map((path) => `/${path.replace(/\/$/, "")}`).toSorted(),
        (await listed(ours)).toSorted(),
      );
    }
    await mkdir(join(home, "out"));
    await run(home, "tar", "xf", "ours.tar", "-C", "out", "--no-same-owner");
    assert.equal(await run(home, "cat", "out/link", "out/usr/same"), "runrun");
    assert.match(await run(home, "crane", "validate", "--remote", `${host}:ours`), /PASS/);
  });
});

describe("regctl, skopeo and umoci agree", { skip: absentRegctl }, () => {
  async function layout(t: TestContext): Promise<Scene & AsyncDisposable> {
    const home = await temporary(t);
    const store = await openLayout(join(home, "images"), { create: true });
    await putImage(store, { layers: [base], tag: "base" });
    const config = { Labels: { all: "1" }, Env: ["A=1"] };
    const { digest } = await store.resolve({ tag: "base" });
    const annotations = { [Annotation.BaseName]: "ocidir://images:base", [Annotation.BaseDigest]: digest };
    await putImage(store, { layers: [base, app], tag: "v1", config, annotations });
    return { home, host: "ocidir://images", store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  }

  const time = new Date("2015-01-01T00:00:00Z");
  const cases: readonly (readonly [what: string, flags: readonly string[], change: Partial<ModImageOptions>])[] = [
    ["a layer removed by its number", ["--layer-rm-index", "1"], { removeLayers: { indexes: [1] } }],
    [
      "a layer removed by its history",
      ["--layer-rm-created-by", "STEP 1"],
      { removeLayers: { createdBy: [/STEP 1/] } },
    ],
    ["a file stripped", ["--layer-strip-file", "/etc/release"], { strip: ["/etc/release"] }],
    ["times of files", ["--layer-time", "set=2015-01-01T00:00:00Z"], { layerTime: { set: time } }],
    [
      "times after one",
      ["--time", "set=2015-01-01T00:00:00Z,after=2015-01-01T00:00:00Z"],
      { layerTime: { set: time, after: time }, configTime: { set: time, after: time } },
    ],
    ["Docker's media types", ["--to-docker"], { mediaTypes: "docker" }],
    ["layers without compression", ["--layer-compress", "none"], { compression: "none" }],
    ["layers in zstd", ["--layer-compress", "zstd"], { compression: "zstd" }],
    ["another digest algorithm", ["--digest-algo", "sha512"], { algorithm: "sha512" }],
    ["annotations from labels", ["--label-to-annotation"], { labelsToAnnotations: true }],
    [
      "ports and volumes",
      ["--expose-add", "80/tcp", "--volume-add", "/v"],
      { config: { exposedPorts: { "80/tcp": true }, volumes: { "/v": true } } },
    ],
    ["content inlined", ["--data-max", "5000"], { dataMax: 5000 }],
  ];
  for (const [what, flags, change] of cases) {
    test(`image mod: ${what}`, async (t) => {
      await using scene = await layout(t);
      const { home, store } = scene;
      await run(home, "regctl", "image", "mod", "ocidir://images:v1", "--create", "theirs", ...flags);
      const descriptor = await store.resolve({ tag: "v1" });
      const made = await modImage({ source: store, target: store, descriptor, tags: ["ours"], ...change });
      const ours = await chooseImage(store, made.descriptor, {});
      const theirs = await chooseImage(store, await store.resolve({ tag: "theirs" }), {});
      const files = async (image: ChosenImage): Promise<unknown> =>
        (await listImageFiles(image)).map(({ path, type, size, modifiedAt }) => [path, type, size, modifiedAt]);
      assert.deepEqual(await files(ours), await files(theirs));
      assert.deepEqual(ours.config?.run, theirs.config?.run);
      assert.deepEqual(
        ours.config?.history.map((line) => line),
        theirs.config?.history.map((line) => line),
      );
      assert.equal(ours.config?.created, theirs.config?.created);
      assert.equal(ours.descriptor.mediaType, theirs.descriptor.mediaType);
      const types = ({ manifest }: ChosenImage): unknown =>
        [manifest.config, ...manifest.layers].map(({ mediaType, digest, data }) => [
          mediaType,
          digest.split(":")[0],
          data !== undefined,
        ]);
      assert.deepEqual(types(ours), types(theirs));
      assert.equal(
        JSON.parse(await run(home, "regctl", "manifest", "get", "ocidir://images:ours", "--format", "raw-body"))
          .schemaVersion,
        2,
      );
    });
  }

  test("get-file and check-base say the same", async (t) => {
    await using scene = await layout(t);
    const { home, store } = scene;
    const image = await chooseImage(store, await store.resolve({ tag: "v1" }), {});
    const [file] = await openImageFiles(image, ["/etc/release"]);
    assert.ok(file);
    const theirs = await run(home, "regctl", "image", "get-file", "ocidir://images:v1", "/etc/release");
    assert.equal(Buffer.from(await collect(file.bytes(), 100, "file")).toString(), theirs);
    const open = async (): Promise<{ source: Store; descriptor: typeof image.descriptor }> => ({
      source: store,
      descriptor: await store.resolve({ tag: "base" }),
    });
    for (const current of [true, false]) {
      const checked = await checkBase({ source: store, descriptor: image.descriptor, open });
      const code = await run(home, "regctl", "image", "check-base", "ocidir://images:v1", "--quiet").then(
        () => true,
        () => false,
      );
      assert.deepEqual([checked.current, code], [current, current]);
      await putImage(store, { layers: [base, [{ path: "newer" }]], tag: "base" });
    }
  });

  test("umoci unpacks what was flattened as it unpacks the layers; skopeo reads it", async (t) => {
    const skip = missing("umoci") || missing("skopeo");
    if (skip) return t.skip(skip);
    await using scene = await layout(t);
    const { home, store } = scene;
    const descriptor = await store.resolve({ tag: "v1" });
    await modImage({ source: store, target: store, descriptor, tags: ["flat"], flatten: true });
    for (const tag of ["v1", "flat"]) await run(home, "umoci", "unpack", "--rootless", "--image", `images:${tag}`, tag);
    await run(home, "diff", "-r", "--no-dereference", "v1/rootfs", "flat/rootfs");
    const shown = JSON.parse(await run(home, "skopeo", "inspect", "oci:images:flat")) as {
      Layers: string[];
      Env: string[];
    };
    assert.deepEqual([shown.Layers.length, shown.Env], [1, ["A=1"]]);
  });
});
