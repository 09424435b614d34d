import assert from "node:assert/strict";
import { test } from "node:test";
import { discover, type DiscoveredNode } from "../../src/artifact/discover.ts";
import { packArtifact } from "../../src/artifact/pack.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Referrer } from "../../src/store/names.ts";
import type { Store } from "../../src/store/store.ts";
import { blob, image, index, json, pushBlob, pushImage, pushManifest } from "../support/content.ts";
import { openScene, stores } from "./scene.ts";

const createdAt = new Date("2026-01-31T12:00:00Z");

async function attach(store: Store, subject: Descriptor, artifactType: string): Promise<Descriptor> {
  const annotations = { on: subject.digest };
  const { descriptor } = await packArtifact({
    target: store,
    files: [],
    artifactType,
    subject,
    annotations,
    createdAt,
  });
  return descriptor;
}

/** A tree as types and digests alone. */
function outline(node: DiscoveredNode): unknown {
  const name = node.via === undefined ? node.descriptor.digest : `${node.artifactType} ${node.descriptor.digest}`;
  const below = [...node.children, ...node.referrers].map(outline);
  return below.length === 0 ? name : [name, ...below];
}

/** An index of two platforms with an SBOM on each, a signature on one of these, and a report on the index. */
async function graph(store: Store): Promise<{
  root: Descriptor;
  children: readonly Descriptor[];
  sboms: readonly Descriptor[];
  signature: Descriptor;
  report: Descriptor;
}> {
  const amd = await pushImage(store, image("amd"));
  const arm = await pushImage(store, image("arm"));
  const platforms = [
    { ...amd, platform: { os: "linux", architecture: "amd64" } },
    { ...arm, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
  ];
  const list = index(platforms);
  await pushManifest(store, list, ["v1"]);
  const sboms = [await attach(store, amd, "application/sbom"), await attach(store, arm, "application/sbom")];
  const signature = await attach(store, sboms[1] as Descriptor, "application/signature");
  const report = await attach(store, list.descriptor, "application/report");
  return { root: list.descriptor, children: [amd, arm], sboms, signature, report };
}

for (const { name, open } of stores) {
  test(`${name}: finds referrers of referrers, and those of an index's children`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const { root, children, sboms, signature, report } = await graph(store);
    const found = await discover({ source: store, subject: root });
    const [amd, arm] = children.map(({ digest }) => digest);
    const [first, second] = sboms.map(({ digest }) => `application/sbom ${digest}`);
    assert.deepEqual(outline(found), [
      root.digest,
      [amd, first],
      [arm, [second, `application/signature ${signature.digest}`]],
      `application/report ${report.digest}`,
    ]);
    assert.deepEqual(found.children[1]?.platform, { os: "linux", architecture: "arm64", variant: "v8" });
    const listed = found.referrers[0];
    assert.equal(listed?.created, "2026-01-31T12:00:00Z");
    assert.equal(listed?.annotations?.["on"], root.digest);
    assert.equal(listed?.descriptor.size, report.size);
    assert.ok(listed?.via !== undefined && found.via === undefined);
  });

  test(`${name}: a type keeps what has it and the way there`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const { root, children, sboms, signature } = await graph(store);
    const found = await discover({ source: store, subject: root, artifactType: "application/signature" });
    assert.deepEqual(outline(found), [
      root.digest,
      [children[1]?.digest, [`application/sbom ${sboms[1]?.digest}`, `application/signature ${signature.digest}`]],
    ]);
    const none = await discover({ source: store, subject: root, artifactType: "application/none" });
    assert.deepEqual([none.children, none.referrers], [[], []]);
  });

  test(`${name}: a depth ends the levels of referrers, and says so`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const { root } = await graph(store);
    const found = await discover({ source: store, subject: root, depth: 1 });
    const sbom = found.children[1]?.referrers[0];
    assert.deepEqual([sbom?.referrers, sbom?.unexplored], [[], true]);
    assert.equal(found.unexplored, undefined);
  });

  test(`${name}: dead artifact manifests are found`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const subject = await pushImage(store, image("subject"));
    const file = blob("old");
    await pushBlob(store, file);
    const types = [MediaType.OciArtifactManifest, MediaType.OrasArtifactManifest];
    for (const mediaType of types) {
      const document = {
        mediaType,
        artifactType: `application/${mediaType.length}`,
        blobs: [file.descriptor],
        subject,
      };
      await pushManifest(store, json(document, mediaType));
    }
    const found = await discover({ source: store, subject });
    assert.deepEqual(
      new Map(found.referrers.map((node) => [node.descriptor.mediaType, node.artifactType])),
      new Map(types.map((mediaType) => [mediaType, `application/${mediaType.length}`])),
    );
  });

  test(`${name}: the type of a referrer whose listing has none is read from its manifest`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const subject = await pushImage(store, image("subject"));
    // As cosign names a signature: a tag made of the digest.
    const signature = await pushImage(store, image("signature"), [`${subject.digest.replace(":", "-")}.sig`]);
    const found = await discover({ source: store, subject });
    assert.deepEqual(
      found.referrers.map(({ descriptor, via, tag, artifactType }) => [descriptor.digest, via, tag, artifactType]),
      [[signature.digest, "digest-tag", `${subject.digest.replace(":", "-")}.sig`, MediaType.ImageConfig]],
    );
  });
}

test("a listing that goes round in a circle ends", async () => {
  const store = createMemoryStore();
  const subject = await pushImage(store, image("subject"));
  const other = await pushImage(store, image("other"));
  const source = {
    fetch: store.fetch,
    async *referrers(of: Descriptor): AsyncIterable<Referrer> {
      const descriptor = of.digest === subject.digest ? other : subject;
      yield { descriptor: { ...descriptor, artifactType: "a/b" }, via: "api" };
    },
  };
  const found = await discover({ source, subject });
  const again = found.referrers[0]?.referrers[0];
  assert.deepEqual([again?.descriptor.digest, again?.repeated, again?.referrers], [subject.digest, true, []]);
});

test("an endless chain, and an endless listing, come to an end", async () => {
  const store = createMemoryStore();
  const subject = await pushImage(store, image("subject"));
  let made = 0;
  const fresh = (): Referrer => {
    made += 1;
    const { descriptor } = blob(`referrer ${made}`);
    return { descriptor: { ...descriptor, mediaType: MediaType.ImageManifest, artifactType: "a/b" }, via: "api" };
  };
  async function* one(): AsyncIterable<Referrer> {
    yield fresh();
  }
  async function* endless(): AsyncIterable<Referrer> {
    for (;;) yield fresh();
  }
  let node: DiscoveredNode | undefined = await discover({ source: { fetch: store.fetch, referrers: one }, subject });
  let depth = 0;
  for (; node?.referrers[0]; depth += 1) node = node.referrers[0];
  assert.deepEqual([depth, node?.unexplored], [100, true]);
  await assert.rejects(discover({ source: { fetch: store.fetch, referrers: endless }, subject }), (error) =>
    isOciError(error, "LIMIT_EXCEEDED"),
  );
});

test("a child that is not here is shown as missing; a subject that is not here is an error", async () => {
  const store = createMemoryStore();
  const absent = index([image("absent").manifest.descriptor]).descriptor;
  const list = index([absent]);
  await pushManifest(store, list);
  const found = await discover({ source: store, subject: list.descriptor });
  assert.equal(found.children[0]?.missing, true);
  await assert.rejects(discover({ source: store, subject: absent }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
});
