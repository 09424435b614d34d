import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { addEntries, createIndex, readIndex, removeEntries } from "../../src/content/index-edit.ts";
import { indexEntries } from "../../src/content/index-entries.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside as berth } from "../cli/inside.ts";
import { image, index, json, pushBlob, pushImage, pushManifest, toArray } from "../support/content.ts";
import { pushSampleGraph } from "../support/graph.ts";
import { servedRegistry } from "./served.ts";

const entry = (letter: string, architecture?: string, annotations?: Record<string, string>): Descriptor =>
  ({
    mediaType: MediaType.ImageManifest,
    digest: `sha256:${letter.repeat(64)}`,
    size: 7,
    ...(architecture === undefined ? {} : { platform: { os: "linux", architecture } }),
    ...(annotations === undefined ? {} : { annotations }),
  }) as Descriptor;

const attestation = entry("f", undefined, {
  "vnd.docker.reference.digest": entry("a").digest,
  "vnd.docker.reference.type": "attestation-manifest",
});

async function editable(document: object, mediaType: string = MediaType.ImageIndex) {
  const store = createMemoryStore();
  const piece = json({ schemaVersion: 2, mediaType, ...document }, mediaType);
  await pushManifest(store, piece);
  return readIndex(store, piece.descriptor);
}

const digests = (bytes: Uint8Array): string[] =>
  (JSON.parse(Buffer.from(bytes).toString()).manifests as { digest: string }[]).map(({ digest }) => digest.slice(7, 8));

describe("Docker's manifest list", () => {
  const docker = { mediaType: MediaType.DockerManifestList } as const;

  test("has entries of four fields, and no attestations", async () => {
    const annotated = { ...entry("a", "amd64", { a: "b" }), artifactType: "application/x" };
    const made = createIndex([annotated, attestation], docker);
    assert.equal(made.descriptor.mediaType, docker.mediaType);
    assert.deepEqual(JSON.parse(Buffer.from(made.bytes).toString()), {
      schemaVersion: 2,
      mediaType: docker.mediaType,
      manifests: [entry("a", "amd64")],
    });
    const index = await editable({ ...docker, manifests: [entry("a", "amd64")] }, docker.mediaType);
    const added = addEntries(index, [entry("b", "arm64", { a: "b" }), attestation]);
    assert.deepEqual(JSON.parse(Buffer.from(added.bytes).toString()).manifests, [
      entry("a", "amd64"),
      entry("b", "arm64"),
    ]);
  });

  test("has no place for an entry without a platform, nor for annotations, a type or a subject", async () => {
    const unsupported = (error: unknown) => isOciError(error, "UNSUPPORTED");
    assert.throws(() => createIndex([entry("a")], docker), unsupported);
    for (const more of [{ annotations: { a: "b" } }, { artifactType: "a/b" }, { subject: entry("c") }]) {
      assert.throws(() => createIndex([entry("a", "amd64")], { ...docker, ...more }), unsupported);
    }
    await using folder = await workFolder();
    {
      await using store = await openLayout(join(folder.path, "images"), { create: true });
      const child = { ...(await pushImage(store, image("one"))), platform: { os: "linux", architecture: "amd64" } };
      await pushManifest(store, index([child]), ["v1"]);
    }
    const create = ["index", "create", "ocidir://images:list", "ocidir://images:v1"];
    const args = [...create, "--media-type", docker.mediaType];
    const refused = await berth([...args, "--desc-annotation", "a=b"], { cwd: folder.path });
    assert.match(refused.err, /no annotations/);
    const ran = await berth([...args, "--json"], { cwd: folder.path });
    assert.equal(ran.code, 0, ran.err);
    assert.equal((JSON.parse(ran.out) as Descriptor).mediaType, docker.mediaType);
  });
});

describe("editing an index", () => {
  test("keeps what it does not know, and replaces only what was said", async () => {
    const unknown = { ...entry("a", "amd64"), "org.example.unknown": { deep: [1] } };
    const index = await editable({ manifests: [unknown, entry("b", "arm64")], "org.example.top": true });
    const added = addEntries(index, [entry("c", "riscv64")]);
    const document = JSON.parse(Buffer.from(added.bytes).toString());
    assert.deepEqual(document.manifests[0], unknown);
    assert.equal(document["org.example.top"], true);
    assert.deepEqual(digests(added.bytes), ["a", "b", "c"]);
    assert.throws(
      () => addEntries(index, [entry("c", "arm64")]),
      (error) => isOciError(error, "CONFLICT"),
    );
    assert.deepEqual(digests(addEntries(index, [entry("c", "arm64")], { replace: true }).bytes), ["a", "c"]);
    assert.deepEqual(digests(addEntries(index, [entry("b", "arm64")]).bytes), ["a", "b"]);
  });

  test("takes attestations out with the image that they speak of", async () => {
    const index = await editable({ manifests: [entry("a", "amd64"), entry("b", "arm64"), attestation] });
    const { prepared, removed } = removeEntries(index, { platforms: [{ os: "linux", architecture: "amd64" }] });
    assert.deepEqual(digests(prepared.bytes), ["b"]);
    assert.equal(removed.length, 2);
    assert.deepEqual(digests(removeEntries(index, { digests: [entry("b").digest] }).prepared.bytes), ["a", "f"]);
    for (const [wanted, code] of [
      [{ digests: [entry("e").digest] }, "MANIFEST_UNKNOWN"],
      [{ platforms: [{ os: "windows", architecture: "amd64" }] }, "PLATFORM_UNKNOWN"],
    ] as const) {
      assert.throws(
        () => removeEntries(index, wanted),
        (error) => isOciError(error, code),
      );
    }
  });

  test("a new one lists each digest once; what is no index cannot be changed", async () => {
    const made = createIndex([entry("a"), entry("b"), entry("a")], { artifactType: "application/x", annotations: {} });
    assert.deepEqual(digests(made.bytes), ["a", "b"]);
    assert.deepEqual(Object.keys(JSON.parse(Buffer.from(made.bytes).toString())), [
      "schemaVersion",
      "mediaType",
      "artifactType",
      "manifests",
    ]);
    await using store = createMemoryStore();
    const descriptor = await pushImage(store, image("a"));
    await assert.rejects(readIndex(store, descriptor), (error) => isOciError(error, "UNSUPPORTED"));
  });
});

test("entries say the platform of the configuration, the type of an artifact, and what was asked for", async () => {
  await using store = createMemoryStore();
  const parts = image("a");
  const config = json({ os: "linux", architecture: "arm", variant: "v7", rootfs: {} }, MediaType.ImageConfig);
  await pushBlob(store, config);
  for (const part of parts.blobs) await pushBlob(store, part);
  const document = { ...JSON.parse(Buffer.from(parts.manifest.bytes).toString()), config: config.descriptor };
  const manifest = json({ ...document, artifactType: "application/x" }, MediaType.ImageManifest);
  await pushManifest(store, manifest);
  const source = { source: store, descriptor: manifest.descriptor };
  assert.deepEqual(await indexEntries(source), [
    {
      ...manifest.descriptor,
      artifactType: "application/x",
      platform: { architecture: "arm", os: "linux", variant: "v7" },
    },
  ]);
  const [described] = await indexEntries(source, {
    platform: { os: "wasip1", architecture: "wasm" },
    annotations: { a: "b" },
  });
  assert.deepEqual([described?.platform, described?.annotations], [{ os: "wasip1", architecture: "wasm" }, { a: "b" }]);
  assert.deepEqual(await indexEntries(source, { platforms: [{ os: "linux", architecture: "amd64" }] }), []);
});

test("index create, ls, rm and add, between a layout and a registry", async () => {
  await using folder = await workFolder();
  await using server = await servedRegistry();
  const cwd = folder.path;
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await berth(args, { cwd });
    assert.equal(code, 0, err);
    return out;
  };
  await using store = await openLayout(join(cwd, "a"), { create: true });
  const graph = await pushSampleGraph(store, "v1");
  const alone = await pushImage(store, image("alone"), ["alone"]);
  const app = `${server.host}/app:v2`;
  const create = ["index", "create", app, "./a:v1", "./a:alone", "--platform", "linux/amd64", "-a", "a=b"];
  const planned = await run(...create, "--dry-run", "--format", "digest");
  assert.equal((await berth(["digest", app], { cwd })).code, 3, "a dry run writes nothing");
  assert.equal((await run(...create, "--subject", "nothing", "--dry-run").catch(String)).includes("nothing"), true);
  assert.equal(await run(...create), planned);
  const remote = await server.registry.repository("app");
  assert.equal((await toArray(remote.referrers(graph.children[0] as Descriptor))).length, 1, "the scan came along");
  const listed = await run("index", "ls", app);
  assert.equal(
    listed.replaceAll(/ +/g, " "),
    [graph.children[0], alone]
      .map((each) => `linux/amd64 ${each?.digest} ${each?.size} B ${MediaType.ImageManifest}\n`)
      .join(""),
  );
  const { removed } = JSON.parse(await run("index", "rm", app, "--digest", alone.digest, "--json"));
  assert.deepEqual(
    removed.map(({ digest }: Descriptor) => digest),
    [alone.digest],
  );
  assert.equal((await berth(["index", "add", app, "./a:alone"], { cwd })).code, 6, "the platform is taken");
  const added = await run("index", "add", app, "./a:v1", "--platform", "linux/arm64");
  assert.equal(await run("digest", app), added);
  assert.equal(await run("index", "ls", app, "--format", "manifests[].platform.architecture"), "amd64\narm64\n");
  assert.equal(await run("manifest", "get", app, "--format", "content.annotations.a"), "b\n");
  assert.equal((await berth(["index", "rm", app], { cwd })).code, 2);
  assert.equal((await berth(["index", "ls", "./a:alone"], { cwd })).code, 1);
});
