import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isOciError } from "../../src/error/oci-error.ts";
import { chooseImage, type ChosenImage } from "../../src/image/choose-image.ts";
import { checkBase } from "../../src/image/check-base.ts";
import { diffImages } from "../../src/image/diff.ts";
import { exportImageTar } from "../../src/image/flatten.ts";
import { listImageFiles } from "../../src/image/image-files.ts";
import { layerTar } from "../../src/store/layer-tar.ts";
import { modImage, type ModImageOptions } from "../../src/image/mod.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { readAll } from "../support/content.ts";
import { put, temporary } from "./fixture.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { type ImageOptions, putImage } from "./layers.ts";
import { app, base, made, mod, names } from "./scene.ts";

describe("images as a whole", () => {
  test("an image goes from one base to the next, and one that is not built on it is left alone", async () => {
    const store = createMemoryStore();
    const old = await putImage(store, {
      layers: [base],
      history: [{ created_by: "BASE 1" }, { created_by: "CMD", empty_layer: true }],
    });
    const next = await putImage(store, {
      layers: [base, [{ path: "etc/release", text: "2" }]],
      compressed: false,
      tag: "base",
    });
    const annotations = { [Annotation.BaseName]: "host/base:1", [Annotation.BaseDigest]: old.digest };
    const history = [{ created_by: "BASE 1" }, { created_by: "CMD", empty_layer: true }, { created_by: "APP" }];
    const descriptor = await putImage(store, { layers: [base, app], history, annotations, config: { Cmd: ["app"] } });
    const open = async (
      _name: string,
      digest?: string,
    ): Promise<{ source: Store; descriptor: Descriptor; name: string }> => ({
      source: store,
      descriptor: digest === undefined ? next : old,
      name: "host/base:1",
    });
    assert.deepEqual(await checkBase({ source: store, descriptor, open: (name) => open(name) }), {
      base: "host/base:1",
      was: old.digest,
      now: next.digest,
      current: false,
      compared: "digest",
    });
    const { image, descriptor: rebased } = await mod(store, descriptor, { rebase: { open } });
    assert.deepEqual(await names(image), ["/app", "/etc", "/etc/release"]);
    assert.deepEqual(image.config?.run.cmd, ["app"]);
    assert.deepEqual(
      image.config?.history.map(({ createdBy }) => createdBy),
      ["STEP 0", "STEP 1", "APP"],
    );
    assert.equal(image.manifest.annotations?.[Annotation.BaseDigest], next.digest);
    assert.equal((await checkBase({ source: store, descriptor: rebased, open: (name) => open(name) })).current, true);
    assert.equal(
      (
        await checkBase({
          source: store,
          descriptor: rebased,
          name: "x",
          digest: old.digest,
          open: (name) => open(name),
        })
      ).current,
      false,
    );
    const alone = await putImage(store, { layers: [app] });
    assert.equal(
      (await checkBase({ source: store, descriptor: alone, name: "x", open: (name) => open(name) })).current,
      false,
    );
    const wrong = mod(store, alone, { rebase: { old: await open("", old.digest), new: await open("") } });
    await assert.rejects(wrong, (error) => isOciError(error, "CONFLICT"));
    await assert.rejects(mod(store, alone, { rebase: { open } }), (error) => isOciError(error, "USAGE"));
  });

  test("flat images have the same files, modes, links and times, and nothing that was taken away", async () => {
    const layers: ImageOptions["layers"] = [
      [
        ...base,
        { path: "usr/bin/", type: "directory", mode: 0o711, uid: 7 },
        { path: "usr/bin/sh", text: "sh", mode: 0o4755 },
        { path: "bin", type: "symlink", linkPath: "usr/bin" },
        { path: "dev", type: "character-device" },
      ],
      [
        { path: "bin/tool", text: "t" },
        { path: "usr/bin/same", type: "hardlink", linkPath: "bin/sh" },
        { path: "etc/.wh.release" },
      ],
      [{ path: "usr/bin/.wh.sh" }, { path: "etc", type: "directory", mode: 0o700 }],
    ];
    const { store, descriptor } = await made({ layers });
    const { image, descriptor: flat } = await mod(store, descriptor, { flatten: true });
    assert.equal(image.manifest.layers.length, 1);
    const before = await chooseImage(store, descriptor, {});
    const fields = async (one: ChosenImage): Promise<unknown[]> =>
      (await listImageFiles(one)).map(({ layer: _layer, layerDigest: _digest, ...rest }) => rest);
    assert.deepEqual(await fields(image), await fields(before));
    assert.deepEqual(await names(image), ["/bin", "/dev", "/etc", "/usr/bin", "/usr/bin/same", "/usr/bin/tool"]);
    const diff = await diffImages(before, image, { times: true });
    assert.deepEqual(diff.files, { added: [], removed: [], changed: [] });
    assert.equal((await mod(store, descriptor, { flatten: true })).descriptor.digest, flat.digest);
    assert.equal(image.config?.history.length, 1);
    const tar = await readAll(exportImageTar(before));
    const [layer] = image.manifest.layers;
    assert.ok(layer);
    assert.ok(tar.equals(await readAll(layerTar(store, layer, {}))), "the files alone are the tar of the flat layer");
  });

  test("a layer that unpacks to something else than the configuration says stops every change that reads it", async () => {
    const { store, descriptor } = await made({ layers: [base], diffIds: [`sha256:${"0".repeat(64)}`] });
    const set = new Date(0);
    const exported = readAll(exportImageTar(await chooseImage(store, descriptor, {})));
    await assert.rejects(exported, (error) => isOciError(error, "DIGEST_INVALID"));
    for (const change of [
      { flatten: true },
      { compression: "zstd" },
      { strip: ["x"] },
      { layerTime: { set } },
    ] as const) {
      const changed = mod(store, descriptor, { ...change, tags: ["x"] });
      await assert.rejects(changed, (error) => isOciError(error, "DIGEST_INVALID"));
      await assert.rejects(store.resolve({ tag: "x" }));
    }
  });

  test("a dry run of everything at once tells the digest that the run gives, and writes nothing", async (t) => {
    const path = join(await temporary(t), "new");
    await writeFile(path, "new");
    const options = { layers: [base, app], config: { Labels: { l: "1" } } };
    const change: Partial<ModImageOptions> = {
      strip: ["etc/release"],
      flatten: true,
      addLayers: [{ path, target: "/new" }],
      layerTime: { set: new Date("2015-01-01T00:00:00Z") },
      reproducible: true,
      compression: "zstd",
      algorithm: "sha512",
      dataMax: 2048,
      labelsToAnnotations: true,
    };
    const { store, descriptor } = await made(options);
    const before = JSON.stringify(await Array.fromAsync(store.tags()));
    const dry = await modImage({ source: store, target: store, descriptor, tags: ["x"], dryRun: true, ...change });
    assert.equal(JSON.stringify(await Array.fromAsync(store.tags())), before);
    await assert.rejects(store.resolve({ digest: dry.descriptor.digest }));
    const target = createMemoryStore();
    const real = await modImage({ source: store, target, descriptor, tags: ["x"], ...change });
    assert.deepEqual(real.descriptor, dry.descriptor);
    const image = await chooseImage(target, real.descriptor, {});
    assert.deepEqual(await names(image), ["/app", "/etc", "/new"]);
    assert.equal(image.manifest.layers.length, 2);
  });

  test("a label of each image of an index gives the times of a layer that they share", async () => {
    const store = createMemoryStore();
    const manifests = [];
    for (const [architecture, built] of [
      ["amd64", "2020-01-01T00:00:00Z"],
      ["arm64", "2021-01-01T00:00:00Z"],
    ] as const) {
      const image = await putImage(store, { layers: [app], architecture, config: { Labels: { built } } });
      manifests.push({ ...image, platform: { os: "linux", architecture } });
    }
    const document = { schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests };
    const index = await put(store, "manifest", MediaType.ImageIndex, document);
    const { descriptor } = await modImage({
      source: store,
      target: store,
      descriptor: index,
      layerTime: { label: "built" },
    });
    const times = [];
    for (const architecture of ["amd64", "arm64"]) {
      const image = await chooseImage(store, descriptor, { platform: { os: "linux", architecture } });
      times.push((await listImageFiles(image))[0]?.modifiedAt);
    }
    assert.deepEqual(times, [1_577_836_800, 1_609_459_200]);
  });

  test("a difference tells fields, lines, layers and files, and shows texts line by line", async () => {
    const store = createMemoryStore();
    const one = await chooseImage(
      store,
      await putImage(store, {
        layers: [base, [{ path: "a", text: "1\n2\n" }, { path: "b" }]],
        config: { Env: ["A=1", "B=2"], Labels: { l: "1" } },
      }),
      {},
    );
    const other = await chooseImage(
      store,
      await putImage(store, {
        layers: [base, [{ path: "a", text: "1\n3\n", mode: 0o600 }, { path: "c" }]],
        config: { Env: ["A=1", "B=3"] },
      }),
      {},
    );
    const diff = await diffImages(one, other, { patch: true });
    assert.deepEqual(diff.config, [
      { field: "config.Env.B", before: "2", after: "3" },
      { field: "config.Labels.l", before: "1" },
    ]);
    assert.deepEqual([diff.layers.shared, diff.layers.removed.length, diff.layers.added.length], [1, 1, 1]);
    assert.deepEqual(
      [diff.files?.added.map(({ path }) => path), diff.files?.removed.map(({ path }) => path)],
      [["/c"], ["/b"]],
    );
    const [changed] = diff.files?.changed ?? [];
    assert.deepEqual(changed?.aspects, ["mode", "content"]);
    assert.match(changed?.patch ?? "", /--- a\/a\n\+\+\+ b\/a\n@@ -1,2 \+1,2 @@\n 1\n-2\n\+3\n/);
    assert.equal((await diffImages(one, one)).same, true);
    assert.equal(diff.same, false);
  });
});
