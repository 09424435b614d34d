import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { digestOf } from "../../src/bytes/hash.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { choosePlatforms } from "../../src/graph/platforms.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Source, Store } from "../../src/store/store.ts";
import { type ConvertOptions, type Converted, convert as convertAll } from "../../src/transfer/convert.ts";
import { copy } from "../../src/transfer/copy.ts";
import { image, index, json, piece, pushBlob, pushImage, pushManifest, readAll } from "../support/content.ts";
import { readWhole } from "../support/graph.ts";

const TAR = Buffer.alloc(2048, "tar of a layer, or what passes for one. ");

interface Doc extends JsonObject {
  mediaType: string;
  config: Descriptor & JsonObject;
  layers: (Descriptor & JsonObject)[];
  manifests: (Descriptor & JsonObject)[];
  annotations?: Record<string, string>;
}

async function document(source: Source, descriptor: Descriptor): Promise<Doc> {
  return JSON.parse((await readAll(source.fetch(descriptor))).toString()) as Doc;
}

/** One root converted. */
async function convert({
  root,
  ...options
}: Omit<ConvertOptions, "roots"> & { readonly root: Descriptor }): Promise<Converted & { readonly root: Descriptor }> {
  const converted = await convertAll({ ...options, roots: [root] });
  const [to] = converted.roots;
  assert.ok(to);
  return { ...converted, root: to };
}

/** An image of one gzip layer whose configuration says what it unpacks to. */
async function pushGzipImage(store: Store, architecture: string, diffId: string = digestOf(TAR)): Promise<Descriptor> {
  const layer = piece(gzipSync(TAR), MediaType.LayerGzip);
  const config = json(
    { architecture, os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } },
    MediaType.ImageConfig,
  );
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config: config.descriptor,
      layers: [{ ...layer.descriptor, annotations: { "org.example.kept": "yes" } }],
      annotations: { "org.example.note": architecture },
      "org.example.unknown": [1, 2],
    },
    MediaType.ImageManifest,
  );
  return pushImage(store, { manifest, blobs: [config, layer] });
}

/** Two platforms, each with an attestation; an SBOM on the index and one on a child. */
async function pushAttested(store: Store): Promise<{ root: Descriptor; children: Descriptor[]; sbom: Descriptor }> {
  const children: Descriptor[] = [];
  const entries: Descriptor[] = [];
  for (const architecture of ["amd64", "arm64"]) {
    const child = await pushGzipImage(store, architecture);
    const statement = await pushImage(store, image(`statement ${architecture}`));
    children.push(child);
    entries.push(
      { ...child, platform: { os: "linux", architecture } },
      {
        ...statement,
        platform: { os: "unknown", architecture: "unknown" },
        annotations: {
          [Annotation.DockerReferenceType]: "attestation-manifest",
          [Annotation.DockerReferenceDigest]: child.digest,
        },
      },
    );
  }
  const top = index(entries);
  await pushManifest(store, top, ["v1"]);
  const sbom = await pushImage(store, image("sbom", { subject: top.descriptor, artifactType: "application/x.sbom" }));
  return { root: top.descriptor, children, sbom };
}

describe("copying some platforms of an index", () => {
  test("kept sparse it has the same digest, its referrers, and attestations of what stays", async () => {
    const source = createMemoryStore();
    const { root, children, sbom } = await pushAttested(source);
    const [amd, arm] = children;
    const { without } = await choosePlatforms(source, root, [{ os: "linux", architecture: "arm64" }]);
    assert.equal(without.size, 2);
    const target = createMemoryStore();
    await copy({ source, target, roots: [{ descriptor: root, tags: ["v1"] }], without });
    assert.equal((await target.resolve({ tag: "v1" })).digest, root.digest);
    assert.ok(arm && amd);
    assert.ok(await target.exists(arm));
    assert.equal(await target.exists(amd), false);
    assert.ok(await target.exists(sbom));
    const { manifests } = await document(source, root);
    assert.deepEqual(await Promise.all(manifests.map((child) => target.exists(child))), [false, false, true, true]);
  });

  test("stripped it has a digest of its own, says which it had, and what hung on the old one is told", async () => {
    const source = createMemoryStore();
    const { root, children, sbom } = await pushAttested(source);
    const { without } = await choosePlatforms(source, root, [{ os: "linux", architecture: "arm64" }]);
    await using converted = await convert({ source, root, strip: without });
    const target = createMemoryStore();
    await copy({ source: converted.source, target, roots: [{ descriptor: converted.root, tags: ["v1"] }] });
    const top = await document(target, converted.root);
    assert.notEqual(converted.root.digest, root.digest);
    assert.equal(top.annotations?.[Annotation.StrippedFrom], root.digest);
    assert.equal(top.manifests.length, 2);
    assert.equal(top.manifests[0]?.digest, children[1]?.digest);
    await readWhole(target, converted.root);
    assert.deepEqual(
      converted.left.map(({ subject, descriptor }) => [subject.digest, descriptor.digest]),
      [[root.digest, sbom.digest]],
    );
  });

  test("nested indexes go with what is in them, and what is not there is named", async () => {
    const source = createMemoryStore();
    const { root: inner } = await pushAttested(source);
    const other = await pushGzipImage(source, "s390x");
    const outer = index([inner, { ...other, platform: { os: "linux", architecture: "s390x" } }]);
    await pushManifest(source, outer, ["all"]);
    const arm = await choosePlatforms(source, outer.descriptor, [{ os: "linux", architecture: "arm64" }]);
    assert.ok(!arm.without.has(inner.digest) && arm.without.has(other.digest));
    const z = await choosePlatforms(source, outer.descriptor, [{ os: "linux", architecture: "s390x" }]);
    assert.ok(z.without.has(inner.digest) && !z.without.has(other.digest));
    await assert.rejects(
      choosePlatforms(source, outer.descriptor, [{ os: "linux", architecture: "mips" }]),
      (error) => isOciError(error, "PLATFORM_UNKNOWN") && error.message.includes("linux/arm64, linux/s390x"),
    );
    await assert.rejects(choosePlatforms(source, other, []), (error) => isOciError(error, "UNSUPPORTED"));
  });
});

describe("other media types", () => {
  test("to Docker's and back: the same image, the content untouched", async () => {
    const source = createMemoryStore();
    const { root } = await pushAttested(source);
    await using docker = await convert({ source, root, mediaTypes: "docker" });
    assert.equal(docker.root.mediaType, MediaType.DockerManifestList);
    const list = await document(docker.source, docker.root);
    assert.deepEqual(
      list.manifests.map(({ mediaType, annotations }) => [mediaType, annotations]),
      [
        [MediaType.DockerManifest, undefined],
        [MediaType.DockerManifest, undefined],
      ],
    );
    const [child] = list.manifests;
    assert.ok(child);
    const manifest = await document(docker.source, child);
    assert.equal(manifest.mediaType, MediaType.DockerManifest);
    assert.equal(manifest.annotations, undefined);
    assert.deepEqual(manifest["org.example.unknown"], [1, 2]);
    assert.equal(manifest.config.mediaType, MediaType.DockerConfig);
    assert.equal(manifest.layers[0]?.mediaType, MediaType.DockerLayerGzip);
    assert.equal(manifest.layers[0]?.digest, digestOf(gzipSync(TAR)));
    assert.equal(docker.left.filter(({ via }) => via === "attestation").length, 2);
    const target = createMemoryStore();
    await copy({ source: docker.source, target, roots: [{ descriptor: docker.root, tags: ["docker"] }] });
    await using oci = await convert({ source: target, root: docker.root, mediaTypes: "oci" });
    const back = await document(oci.source, oci.root);
    assert.equal(oci.root.mediaType, MediaType.ImageIndex);
    const again = await document(oci.source, back.manifests[0] as Descriptor);
    assert.equal(again.config.mediaType, MediaType.ImageConfig);
    assert.equal(again.layers[0]?.mediaType, MediaType.LayerGzip);
  });

  test("what is in them already keeps its digest; what Docker's cannot hold is refused", async () => {
    const source = createMemoryStore();
    const { root } = await pushAttested(source);
    await using same = await convert({ source, root, mediaTypes: "oci" });
    assert.deepEqual([same.root.digest, same.changes, same.left], [root.digest, [], []]);
    const child = await pushGzipImage(source, "riscv64");
    await using zstd = await convert({ source, root: child, compression: "zstd" });
    await assert.rejects(
      convert({ source: zstd.source, root: zstd.root, mediaTypes: "docker" }),
      (error) => isOciError(error, "UNSUPPORTED") && /--compress gzip/.test(error.hint),
    );
  });
});

describe("recompression", () => {
  test("gzip becomes zstd and gzip again, DiffIDs and fields stay, and no temporary file", async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith("berth-copy-"));
    const source = createMemoryStore();
    const { root } = await pushAttested(source);
    const target = createMemoryStore();
    {
      await using zstd = await convert({ source, root, compression: "zstd" });
      await copy({ source: zstd.source, target, roots: [{ descriptor: zstd.root, tags: ["zstd"] }] });
      const top = await document(target, zstd.root);
      const [child, statement] = top.manifests;
      assert.ok(child && statement);
      assert.equal(statement.annotations?.[Annotation.DockerReferenceDigest], child.digest);
      const manifest = await document(target, child);
      const [layer] = manifest.layers;
      assert.ok(layer);
      assert.equal(layer.mediaType, MediaType.LayerZstd);
      assert.deepEqual(layer.annotations, { "org.example.kept": "yes" });
      assert.deepEqual(zstdDecompressSync(await readAll(target.fetch(layer, { kind: "blob" }))), TAR);
      await using gzip = await convert({ source: target, root: child, compression: "gzip" });
      const [back] = (await document(gzip.source, gzip.root)).layers;
      assert.ok(back);
      assert.deepEqual(gunzipSync(await readAll(gzip.source.fetch(back, { kind: "blob" }))), TAR);
    }
    await readWhole(target, await target.resolve({ tag: "zstd" }));
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith("berth-copy-"));
    assert.deepEqual(after, before);
  });

  test("a layer that is not what the configuration says is refused", async () => {
    const source = createMemoryStore();
    const wrong = await pushGzipImage(source, "amd64", digestOf(Buffer.from("another")));
    await assert.rejects(
      convert({ source, root: wrong, compression: "zstd" }),
      (error) => isOciError(error, "DIGEST_INVALID") && error.context.side === "source",
    );
  });

  test("artifacts and foreign layers stay as they are", async () => {
    const source = createMemoryStore();
    const chart = json({ name: "chart" }, "application/vnd.cncf.helm.config.v1+json");
    const layer = piece(gzipSync(TAR), MediaType.LayerGzip);
    await pushBlob(source, chart);
    await pushBlob(source, layer);
    const manifest = json(
      {
        schemaVersion: 2,
        mediaType: MediaType.ImageManifest,
        config: chart.descriptor,
        layers: [layer.descriptor],
      },
      MediaType.ImageManifest,
    );
    await pushManifest(source, manifest, ["chart"]);
    await using converted = await convert({ source, root: manifest.descriptor, compression: "zstd" });
    assert.deepEqual(converted.root.digest, manifest.descriptor.digest);
  });
});
