import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { collect } from "../../src/bytes/collect.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createImage } from "../../src/image/create.ts";
import type { ImageEvent } from "../../src/image/event.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { decompress } from "../../src/tar/decompress.ts";
import { packTree } from "../../src/tar/pack.ts";
import { amd64, application, arm64, childrenOf, configOf, documentOf, layersOf, temporary } from "./fixture.ts";

test("an image on nothing: layers, configuration, tag", async (t) => {
  const path = await application(t);
  const target = createMemoryStore();
  const { descriptor } = await createImage({
    target,
    tags: ["v1", "latest"],
    layers: [{ path, target: "/app" }],
    platforms: [amd64],
    config: {
      entrypoint: ["/app/run.sh"],
      cmd: ["--fast"],
      env: { PATH: "/bin", A: "1=2" },
      user: "1000:1000",
      workingDir: "/app",
      labels: { k: "v" },
      exposedPorts: { "8080": true, "53/udp": true },
      volumes: { "/data": true },
      author: "me",
    },
    annotations: { manifest: { a: "b" }, index: { never: "seen" } },
    createdAt: "2026-01-02T03:04:05Z",
  });
  assert.deepEqual(await target.resolve({ tag: "v1" }), descriptor);
  assert.deepEqual(await target.resolve({ tag: "latest" }), descriptor);
  const manifest = await documentOf(target, descriptor);
  assert.deepEqual(manifest["annotations"], { a: "b" });
  const config = await configOf(target, descriptor);
  assert.deepEqual(config.document["config"], {
    Entrypoint: ["/app/run.sh"],
    Cmd: ["--fast"],
    Env: ["PATH=/bin", "A=1=2"],
    User: "1000:1000",
    WorkingDir: "/app",
    ExposedPorts: { "8080/tcp": {}, "53/udp": {} },
    Volumes: { "/data": {} },
    Labels: { k: "v" },
  });
  assert.equal(config.created, "2026-01-02T03:04:05Z");
  assert.equal(config.author, "me");
  assert.deepEqual(config.platform, amd64);
  const [layer] = layersOf(manifest);
  assert.ok(layer);
  const tar = await collect(decompress(target.fetch(layer, { kind: "blob" }), "gzip"), 1 << 28, "layer");
  assert.deepEqual(config.diffIds, [digestOf(tar)]);
  assert.equal(digestOf(await collect(packTree({ source: path, target: "/app" }), 1 << 28, "tar")), config.diffIds[0]);
  assert.equal(config.history.filter((line) => !line.emptyLayer).length, 1);
  assert.ok(config.history.some((line) => line.createdBy === 'ENTRYPOINT ["/app/run.sh"]' && line.emptyLayer));
});

test("equal input gives equal digests, from any folder; DiffIDs do not depend on the compression", async (t) => {
  const path = await application(t);
  const copy = join(await temporary(t), "elsewhere");
  await cp(path, copy, { recursive: true, verbatimSymlinks: true });
  const create = async (from: string, compression: "none" | "gzip" | "zstd"): Promise<string[]> => {
    const target = createMemoryStore();
    const { descriptor } = await createImage({
      target,
      layers: [{ path: from, target: "/app" }],
      platforms: [amd64],
      compression,
    });
    const [layer] = layersOf(await documentOf(target, descriptor));
    return [descriptor.digest, layer?.mediaType ?? "", ...(await configOf(target, descriptor)).diffIds];
  };
  const gzip = await create(path, "gzip");
  assert.deepEqual(gzip, await create(copy, "gzip"));
  const [zstd, none] = [await create(path, "zstd"), await create(path, "none")];
  assert.equal(gzip[2], zstd[2]);
  assert.equal(gzip[2], none[2]);
  assert.deepEqual(
    [gzip[1], zstd[1], none[1]].map((type) => type?.replace("application/vnd.oci.image.layer.v1.", "")),
    ["tar+gzip", "tar+zstd", "tar"],
  );
  assert.equal(new Set([gzip[0], zstd[0], none[0]]).size, 3);
});

test("several platforms make one index, each with its own layers", async (t) => {
  const [shared, intel] = [await application(t, "shared"), await application(t, "intel")];
  const target = createMemoryStore();
  const { descriptor, images } = await createImage({
    target,
    tags: ["v1"],
    layers: [
      { path: shared, target: "/share" },
      { path: intel, target: "/app", platform: amd64 },
    ],
    platforms: [amd64, arm64],
    annotations: { manifest: { m: "1" }, index: { i: "1" } },
  });
  const index = await documentOf(target, descriptor);
  assert.deepEqual(index["annotations"], { i: "1" });
  const children = childrenOf(index);
  assert.deepEqual(
    children.map((child) => child.platform),
    [amd64, arm64],
  );
  assert.deepEqual(
    images.map((image) => image.layers.length),
    [2, 1],
  );
  for (const child of children) assert.deepEqual((await documentOf(target, child))["annotations"], { m: "1" });
  const [first, second] = await Promise.all(children.map((child) => documentOf(target, child)));
  assert.ok(first && second);
  assert.equal(layersOf(first)[0]?.digest, layersOf(second)[0]?.digest);
});

test("on a base: its layers, configuration and history stay, ours come on top", async (t) => {
  const [below, above] = [await application(t, "base"), await application(t, "app")];
  const source = createMemoryStore();
  const base = await createImage({
    target: source,
    layers: [{ path: below }],
    platforms: [amd64, arm64],
    config: { entrypoint: ["/base"], cmd: ["base-argument"], env: { PATH: "/bin", B: "1" }, labels: { from: "base" } },
  });
  const target = createMemoryStore();
  const { descriptor } = await createImage({
    target,
    base: { source, descriptor: base.descriptor, name: "example.com/base:1" },
    layers: [{ path: above, target: "/app" }],
    platforms: [arm64],
    config: { entrypoint: ["/app/run.sh"], env: { B: "2", C: "3" } },
  });
  const config = await configOf(target, descriptor);
  // A new entrypoint takes the old command away.
  assert.deepEqual(config.document["config"], {
    Entrypoint: ["/app/run.sh"],
    Env: ["PATH=/bin", "B=2", "C=3"],
    Labels: { from: "base" },
  });
  assert.deepEqual(config.platform, arm64);
  assert.equal(config.diffIds.length, 2);
  assert.equal(config.history.filter((line) => !line.emptyLayer).length, 2);
  const manifest = await documentOf(target, descriptor);
  assert.deepEqual(manifest["annotations"], {
    "org.opencontainers.image.base.digest": base.images[1]?.descriptor.digest,
    "org.opencontainers.image.base.name": "example.com/base:1",
  });
  for (const layer of layersOf(manifest)) assert.ok(await target.exists(layer, { kind: "blob" }));
});

test("a tar is taken as it is, plain or compressed", async (t) => {
  const [path, out] = [await application(t), await temporary(t)];
  const tar = Buffer.from(await collect(packTree({ source: path, epoch: 99 }), 1 << 28, "tar"));
  const files = { none: tar, gzip: gzipSync(tar, { level: 1 }), zstd: zstdCompressSync(tar) };
  for (const [name, bytes] of Object.entries(files)) {
    const file = join(out, name);
    await writeFile(file, bytes);
    const target = createMemoryStore();
    const { descriptor } = await createImage({ target, layers: [{ path: file }], platforms: [amd64] });
    const [layer] = layersOf(await documentOf(target, descriptor));
    assert.equal(layer?.digest, digestOf(bytes), name);
    assert.deepEqual((await configOf(target, descriptor)).diffIds, [digestOf(tar)], name);
  }
});

test("what cannot become an image is refused before anything is named", async (t) => {
  const out = await temporary(t);
  await writeFile(join(out, "text"), "no tar at all".repeat(100));
  await writeFile(join(out, "short.tar.gz"), gzipSync(Buffer.alloc(100_000)).subarray(0, 50));
  execFileSync("tar", ["-cf", join(out, "up.tar"), "-P", "--transform", "s,^,../,", "-C", out, "text"]);
  const target = createMemoryStore();
  for (const name of ["text", "short.tar.gz", "up.tar"]) {
    await assert.rejects(
      createImage({ target, tags: ["v1"], layers: [{ path: join(out, name) }], platforms: [amd64] }),
      (error) => isOciError(error, "ARCHIVE_INVALID") && error.message.includes(name),
      name,
    );
  }
  await assert.rejects(createImage({ target, layers: [] }), (error) => isOciError(error, "USAGE"));
  await assert.rejects(createImage({ target, layers: [], platforms: [amd64, amd64] }), (error) =>
    isOciError(error, "USAGE"),
  );
  await assert.rejects(target.resolve({ tag: "v1" }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
});

test("an image without layers, and a dry run that only computes", async (t) => {
  const path = await application(t);
  const target = createMemoryStore();
  const options = { target, tags: ["v1"], layers: [{ path, target: "/" }], platforms: [amd64] };
  const planned = await createImage({ ...options, dryRun: true });
  await assert.rejects(target.resolve({ tag: "v1" }));
  assert.equal(await target.exists(planned.descriptor), false);
  const events: ImageEvent[] = [];
  const real = await createImage({ ...options, onEvent: (event) => events.push(event) });
  assert.deepEqual(real, planned);
  assert.ok(events.some((event) => event.type === "layers"));
  assert.equal(events.filter((event) => event.type === "written").length, 3);
  const bare = await createImage({ target, layers: [], platforms: [arm64] });
  assert.deepEqual((await configOf(target, bare.descriptor)).diffIds, []);
});

test("an abort stops the work and its reason comes out", async (t) => {
  const path = await application(t);
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(
    createImage({ target: createMemoryStore(), layers: [{ path, target: "/" }], platforms: [amd64], signal }),
    (error) => error === reason,
  );
});
