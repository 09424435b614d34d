import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { collect } from "../../src/bytes/collect.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createImage } from "../../src/image/create.ts";
import { modImage, type ModImageOptions, type ModResult } from "../../src/image/mod.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { emptyBytes, emptyDescriptor } from "../../src/spec/empty.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { decompress } from "../../src/tar/decompress.ts";
import { packTree } from "../../src/tar/pack.ts";
import { readTar } from "../../src/tar/read.ts";
import {
  amd64,
  application,
  arm64,
  bytesOf,
  childrenOf,
  configOf,
  documentOf,
  layersOf,
  put,
  temporary,
} from "./fixture.ts";

async function twoPlatforms(t: TestContext, epoch = 0): Promise<{ store: Store; index: Descriptor }> {
  const store = createMemoryStore();
  const created = await createImage({
    target: store,
    tags: ["v1"],
    layers: [{ path: await application(t), target: "/app" }],
    platforms: [amd64, arm64],
    config: { entrypoint: ["/app/run.sh"], env: { A: "1", B: "2" }, labels: { old: "1" } },
    createdAt: "2026-06-01T00:00:00Z",
    epoch,
  });
  return { store, index: created.descriptor };
}

function mod(store: Store, descriptor: Descriptor, rest: Partial<ModImageOptions>): Promise<ModResult> {
  return modImage({ source: store, target: store, descriptor, ...rest });
}

test("every image of an index changes, and the index above them", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const result = await mod(store, index, {
    tags: ["v1"],
    expect: index.digest,
    config: { labels: { new: "2", old: null }, env: { A: null, C: "3" }, user: "nobody" },
    annotations: { manifest: { m: "1" }, index: { i: "1" } },
  });
  assert.deepEqual(
    result.changes.map((change) => change.role),
    ["config", "manifest", "config", "manifest", "index"],
  );
  assert.deepEqual(await store.resolve({ tag: "v1" }), result.descriptor);
  const document = await documentOf(store, result.descriptor);
  assert.deepEqual(document["annotations"], { i: "1" });
  const [before, after] = [await documentOf(store, index), document];
  for (const [at, child] of childrenOf(after).entries()) {
    assert.deepEqual(child.platform, childrenOf(before)[at]?.platform);
    const config = await configOf(store, child);
    assert.deepEqual(config.run.labels, { new: "2" });
    assert.deepEqual(config.run.env, ["B=2", "C=3"]);
    assert.deepEqual(config.run.entrypoint, ["/app/run.sh"]);
    const manifest = await documentOf(store, child);
    assert.deepEqual(manifest["annotations"], { m: "1" });
    const old = childrenOf(before)[at];
    assert.ok(old);
    assert.deepEqual(layersOf(manifest), layersOf(await documentOf(store, old)));
  }
});

test("only the chosen platform changes; the other child keeps its bytes", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const { descriptor } = await mod(store, index, { platforms: [arm64], config: { user: "me" } });
  const [before, after] = [childrenOf(await documentOf(store, index)), childrenOf(await documentOf(store, descriptor))];
  assert.deepEqual(after[0], before[0]);
  assert.notEqual(after[1]?.digest, before[1]?.digest);
  await assert.rejects(
    mod(store, index, { platforms: [{ os: "plan9", architecture: "386" }], config: { user: "me" } }),
    (error) => isOciError(error, "PLATFORM_UNKNOWN"),
  );
});

test("nothing to change changes nothing", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const result = await mod(store, index, {
    tags: ["same"],
    config: { user: "", labels: { old: "1" } },
    timeMax: new Date("2030-01-01"),
  });
  assert.equal(result.descriptor.digest, index.digest);
  assert.deepEqual(result.changes, []);
  assert.equal((await store.resolve({ tag: "same" })).digest, index.digest);
});

test("fields that berth does not know live on, in their order", async () => {
  const store = createMemoryStore();
  const config = await put(store, "blob", MediaType.ImageConfig, {
    "x-first": { __proto__x: [1, 2.5, null] },
    os: "linux",
    architecture: "amd64",
    config: { Zulu: true, Env: null, Healthcheck: { Test: ["CMD"] } },
    rootfs: { type: "layers", diff_ids: [] },
    moby: "field",
  });
  const manifest = await put(store, "manifest", MediaType.ImageManifest, {
    "x-vendor": 1,
    layers: [],
    schemaVersion: 2,
    config: { ...config, "x-note": "kept" },
  });
  const { descriptor } = await mod(store, manifest, { config: { user: "me" } });
  const document = await documentOf(store, descriptor);
  assert.deepEqual(Object.keys(document), ["x-vendor", "layers", "schemaVersion", "config"]);
  assert.equal((document["config"] as JsonObject)["x-note"], "kept");
  const changed = (await configOf(store, descriptor)).document;
  assert.deepEqual(Object.keys(changed), ["x-first", "os", "architecture", "config", "rootfs", "moby"]);
  assert.deepEqual(changed["config"], { Zulu: true, Env: null, Healthcheck: { Test: ["CMD"] }, User: "me" });
});

test("--time-max clamps configuration, history and files, and rewrites only layers that are newer", async (t) => {
  const newer = Date.parse("2026-05-05T00:00:00Z") / 1000;
  const { store, index } = await twoPlatforms(t, newer);
  const max = new Date("2026-01-01T00:00:00Z");
  const { descriptor, changes } = await mod(store, index, { timeMax: max });
  assert.equal(changes.filter((change) => change.role === "layer").length, 1);
  for (const child of childrenOf(await documentOf(store, descriptor))) {
    const config = await configOf(store, child);
    assert.equal(config.created, "2026-01-01T00:00:00Z");
    for (const line of config.history) assert.equal(line.created, "2026-01-01T00:00:00Z");
    const [layer] = layersOf(await documentOf(store, child));
    assert.ok(layer);
    const unpacked = (): AsyncIterable<Uint8Array> => decompress(store.fetch(layer, { kind: "blob" }), "gzip");
    for await (const { entry } of readTar(unpacked())) assert.equal(entry.modifiedAt, max.getTime() / 1000);
    assert.deepEqual(config.diffIds, [digestOf(await collect(unpacked(), 1 << 28, "layer"))]);
  }
  const again = await mod(store, descriptor, { timeMax: max });
  assert.deepEqual(again.changes, []);
  // Packed by somebody else: writing it again would give other bytes.
  const file = join(await temporary(t), "layer.tar.gz");
  await writeFile(
    file,
    gzipSync(await collect(packTree({ source: await application(t) }), 1 << 28, "tar"), { level: 1 }),
  );
  const older = await createImage({ target: store, layers: [{ path: file }], platforms: [amd64] });
  assert.deepEqual((await mod(store, older.descriptor, { timeMax: max })).changes, []);
});

test("--time-max refuses a layer that is not what its DiffID says", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const [child] = childrenOf(await documentOf(store, index));
  assert.ok(child);
  const { document } = await configOf(store, child);
  const wrong = `sha256:${"0".repeat(64)}`;
  const config = await put(store, "blob", MediaType.ImageConfig, {
    ...document,
    rootfs: { type: "layers", diff_ids: [wrong] },
  });
  const manifest = await put(store, "manifest", MediaType.ImageManifest, {
    ...(await documentOf(store, child)),
    config,
  });
  await assert.rejects(mod(store, manifest, { timeMax: new Date(0) }), (error) => isOciError(error, "DIGEST_INVALID"));
});

test("into another store goes the whole result, and only the result", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const target = createMemoryStore();
  const { descriptor } = await mod(store, index, { target, tags: ["out"], platforms: [amd64], config: { user: "me" } });
  assert.deepEqual(await target.resolve({ tag: "out" }), descriptor);
  for (const child of childrenOf(await documentOf(target, descriptor))) {
    for (const layer of layersOf(await documentOf(target, child))) await bytesOf(target, layer, "blob");
    await configOf(target, child);
  }
  assert.equal(await target.exists(index), false);
});

async function attach(store: Store, subject: Descriptor, artifactType: string): Promise<Descriptor> {
  await store.push(emptyDescriptor, () => fromBuffer(emptyBytes), { kind: "blob" });
  return put(store, "manifest", MediaType.ImageManifest, {
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    artifactType,
    config: emptyDescriptor,
    layers: [emptyDescriptor],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: { kept: "yes" },
  });
}

test("referrers follow when asked, with theirs; signatures stay", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const sbom = await attach(store, index, "application/spdx+json");
  await attach(store, sbom, "application/vnd.example.review");
  await attach(store, index, "application/vnd.dev.sigstore.bundle.v0.3+json");
  const plain = await mod(store, index, { config: { user: "me" } });
  assert.deepEqual(
    plain.left.map(({ reason }) => reason),
    ["not-asked", "not-asked"],
  );
  const { descriptor, left, changes } = await mod(store, index, { config: { user: "you" }, referrers: true });
  assert.deepEqual(
    left.map(({ reason }) => reason),
    ["statement"],
  );
  assert.equal(changes.filter(({ role }) => role === "referrer").length, 2);
  const [moved, ...more] = await Array.fromAsync(store.referrers(descriptor));
  assert.ok(moved);
  assert.deepEqual(more, []);
  assert.equal(moved.descriptor.artifactType, "application/spdx+json");
  assert.deepEqual(moved.descriptor.annotations, { kept: "yes" });
  const [review] = await Array.fromAsync(store.referrers(moved.descriptor));
  assert.equal(review?.descriptor.artifactType, "application/vnd.example.review");
});

test("BuildKit's attestations keep pointing at the child that they belong to", async (t) => {
  const { store, index } = await twoPlatforms(t);
  const document = await documentOf(store, index);
  const [child] = childrenOf(document);
  assert.ok(child);
  const attestation = await attach(store, child, "application/vnd.in-toto+json");
  const listed = {
    ...attestation,
    platform: { os: "unknown", architecture: "unknown" },
    annotations: { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": child.digest },
  };
  const whole = await put(store, "manifest", MediaType.ImageIndex, { ...document, manifests: [child, listed] });
  const { descriptor } = await mod(store, whole, { config: { user: "me" } });
  const [now, follower] = childrenOf(await documentOf(store, descriptor));
  assert.notEqual(now?.digest, child.digest);
  assert.equal(follower?.digest, attestation.digest);
  assert.equal(follower?.annotations?.["vnd.docker.reference.digest"], now?.digest);
});

test("Docker's types are changed as well, but hold no annotations", async () => {
  const store = createMemoryStore();
  const config = await put(store, "blob", MediaType.DockerConfig, {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [] },
  });
  const docker = { schemaVersion: 2, mediaType: MediaType.DockerManifest, config, layers: [] };
  const manifest = await put(store, "manifest", MediaType.DockerManifest, docker);
  const { descriptor } = await mod(store, manifest, { config: { user: "me" } });
  assert.equal(descriptor.mediaType, MediaType.DockerManifest);
  assert.equal((await configOf(store, descriptor)).run.user, "me");
  await assert.rejects(mod(store, manifest, { annotations: { manifest: { a: "b" } } }), (error) =>
    isOciError(error, "UNSUPPORTED"),
  );
});

test("a dry run tells the same digests and writes nothing; a tag that moved meanwhile is a conflict", async (t) => {
  const { store, index } = await twoPlatforms(t, 2_000_000_000);
  const options = { tags: ["v1"], config: { user: "me" }, timeMax: new Date(0) };
  const planned = await mod(store, index, { ...options, dryRun: true });
  assert.equal(await store.exists(planned.descriptor), false);
  assert.equal((await store.resolve({ tag: "v1" })).digest, index.digest);
  const other = await mod(store, index, { tags: ["v1"], config: { user: "first" } });
  await assert.rejects(mod(store, index, { ...options, expect: index.digest }), (error) =>
    isOciError(error, "CONFLICT"),
  );
  assert.equal((await store.resolve({ tag: "v1" })).digest, other.descriptor.digest);
  assert.deepEqual(await mod(store, index, options), planned);
});
