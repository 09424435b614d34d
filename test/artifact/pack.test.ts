import assert from "node:assert/strict";
import { mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { attachArtifacts } from "../../src/artifact/attach.ts";
import type { ArtifactEvent } from "../../src/artifact/event.ts";
import { packArtifact } from "../../src/artifact/pack.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { image, pushImage, readAll, toArray } from "../support/content.ts";
import { openScene, stores } from "./scene.ts";

const createdAt = new Date("2026-01-31T12:00:00.789Z");
const EMPTY = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
  data: "e30=",
};

async function manifestOf(store: Store, descriptor: Descriptor): Promise<Record<string, unknown>> {
  return JSON.parse((await readAll(store.fetch(descriptor))).toString()) as Record<string, unknown>;
}

for (const { name, open } of stores) {
  test(`${name}: files become the layers of an artifact, with titles and types`, async () => {
    await using scene = await openScene();
    await scene.write({ "in/app.cdx.json": "{}", "in/notes.md": "# notes" });
    await using store = await open(scene);
    const packed = await packArtifact({
      target: store,
      files: [
        { path: scene.path("in/app.cdx.json"), title: "app.cdx.json" },
        { path: scene.path("in/notes.md"), title: "docs/notes.md", mediaType: "text/markdown" },
        { bytes: Buffer.from("raw"), title: "raw" },
      ],
      artifactType: "application/vnd.example",
      annotations: { k: "v" },
      createdAt,
      tags: ["v1", "latest"],
    });
    assert.equal(packed.existed, false);
    assert.equal(packed.artifactType, "application/vnd.example");
    for (const tag of ["v1", "latest"]) assert.equal((await store.resolve({ tag })).digest, packed.descriptor.digest);
    const manifest = await manifestOf(store, packed.descriptor);
    assert.deepEqual(manifest["config"], EMPTY);
    assert.deepEqual(manifest["annotations"], { "org.opencontainers.image.created": "2026-01-31T12:00:00Z", k: "v" });
    const layers = manifest["layers"] as Descriptor[];
    assert.deepEqual(
      layers.map(({ mediaType, size, annotations }) => [mediaType, size, annotations]),
      [
        ["application/vnd.cyclonedx+json", 2, { "org.opencontainers.image.title": "app.cdx.json" }],
        ["text/markdown", 7, { "org.opencontainers.image.title": "docs/notes.md" }],
        ["application/vnd.oci.image.layer.v1.tar", 3, { "org.opencontainers.image.title": "raw" }],
      ],
    );
    for (const layer of layers) assert.equal((await readAll(store.fetch(layer, { kind: "blob" }))).length, layer.size);
  });

  test(`${name}: the same content at the same time is the same artifact, and moves nothing`, async () => {
    await using scene = await openScene();
    await scene.write({ "tree/a": "a", "tree/b/c": "c" });
    await using store = await open(scene);
    const events: ArtifactEvent[] = [];
    const again = (): ReturnType<typeof packArtifact> =>
      packArtifact({
        target: store,
        files: [{ path: scene.path("tree"), title: "tree" }],
        artifactType: "application/vnd.example",
        createdAt,
        onEvent: (event) => void events.push(event),
      });
    const first = await again();
    await utimes(scene.path("tree/a"), 1, 1);
    events.length = 0;
    const second = await again();
    assert.equal(second.descriptor.digest, first.descriptor.digest);
    assert.ok(second.existed && second.blobs.every(({ existed }) => existed));
    assert.equal(events.filter(({ type }) => type === "progress").length, 0);
    assert.equal(events.filter(({ type }) => type === "done").length, 3);
  });

  test(`${name}: many artifacts are attached at once, each listed with its type and annotations`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const subject = await pushImage(store, image("subject"), ["v1"]);
    const attached = await attachArtifacts({
      target: store,
      subject: { ...subject, annotations: { leaks: "never" }, platform: { os: "linux", architecture: "amd64" } },
      artifacts: [
        { artifactType: "application/a", files: [{ bytes: Buffer.from("1"), title: "one" }], createdAt },
        { artifactType: "application/b", files: [], annotations: { note: "yes" }, createdAt },
      ],
    });
    const listed = await toArray(store.referrers(subject));
    assert.deepEqual(
      new Map(
        listed.map(({ descriptor }) => [
          descriptor.digest,
          [descriptor.artifactType, descriptor.annotations?.["note"]],
        ]),
      ),
      new Map(
        attached.map(({ descriptor }, at) => [
          descriptor.digest,
          [
            ["application/a", undefined],
            ["application/b", "yes"],
          ][at],
        ]),
      ),
    );
    const second = await manifestOf(store, attached[1]?.descriptor as Descriptor);
    assert.deepEqual(second["subject"], { mediaType: subject.mediaType, digest: subject.digest, size: subject.size });
    assert.deepEqual(second["layers"], [EMPTY]);
    assert.equal((await store.resolve({ tag: "v1" })).digest, subject.digest);
  });

  test(`${name}: a dry run tells the same digest and writes nothing`, async () => {
    await using scene = await openScene();
    await using store = await open(scene);
    const files = [{ bytes: Buffer.from("x"), title: "x" }];
    const options = { target: store, files, artifactType: "a/b", createdAt, tags: ["v1"] };
    const dry = await packArtifact({ ...options, dryRun: true });
    assert.deepEqual(await toArray(store.tags()), []);
    assert.equal(await store.exists(dry.descriptor), false);
    assert.ok(dry.blobs.every(({ existed }) => !existed));
    assert.equal((await packArtifact(options)).descriptor.digest, dry.descriptor.digest);
  });
}

test("a config of its own takes the place of the artifact type", async () => {
  const store = createMemoryStore();
  const packed = await packArtifact({
    target: store,
    files: [{ bytes: Buffer.from("x"), title: "x" }],
    config: { bytes: Buffer.from("{}"), mediaType: "application/vnd.example.config+json" },
    createdAt,
  });
  const manifest = await manifestOf(store, packed.descriptor);
  assert.equal(manifest["artifactType"], undefined);
  assert.equal((manifest["config"] as Descriptor).mediaType, "application/vnd.example.config+json");
  assert.equal(packed.artifactType, "application/vnd.example.config+json");
});

test("with a subject the listing comes before the tag, and the manifest before the listing", async () => {
  const memory = createMemoryStore();
  const subject = await pushImage(memory, image("subject"));
  const calls: string[] = [];
  // A registry without the referrers API: it lists nothing by itself.
  const store = decorate(memory, {
    push: async (descriptor, source, options) => {
      calls.push(`push ${options.kind} ${options.tags?.join() ?? ""}`);
      return { ...(await memory.push(descriptor, source, options)), subjectHandled: false };
    },
    update: (changes, options) => {
      calls.push(`tag ${changes.map(({ tag }) => tag).join()}`);
      return memory.update(changes, options);
    },
    listReferrers: (changes) => {
      calls.push(`list ${changes[0]?.add[0]?.artifactType}`);
      return Promise.resolve();
    },
  });
  await packArtifact({
    target: store,
    files: [],
    artifactType: "a/b",
    subject,
    tags: ["sbom"],
    annotations: { a: "b" },
  });
  assert.deepEqual(calls, ["push blob ", "push manifest ", "list a/b", "tag sbom"]);
});

test("what cannot be packed is one clear error, and nothing is pushed", async () => {
  await using scene = await openScene();
  await scene.write({ "report.json": "{}", same: "1" });
  await mkdir(scene.path("loop"));
  await symlink("/dev/null", scene.path("device"));
  const store = createMemoryStore();
  const attempt = (path: string, extra = {}): Promise<unknown> =>
    packArtifact({ target: store, files: [{ path, title: "t" }], artifactType: "a/b", ...extra });
  await assert.rejects(attempt(scene.path("none")), (error) => isOciError(error, "FILE_INVALID"));
  await assert.rejects(attempt(scene.path("device")), (error) => isOciError(error, "FILE_INVALID"));
  await assert.rejects(
    attempt(scene.path("report.json:json")),
    (error) => isOciError(error, "FILE_INVALID") && error.hint.includes('"json" is not a media type'),
  );
  await assert.rejects(attempt(scene.path("same"), { artifactType: "nonsense" }), (error) =>
    isOciError(error, "USAGE"),
  );
  await assert.rejects(attempt(scene.path("same"), { tags: ["-bad"] }), (error) => isOciError(error, "TAG_INVALID"));
  await assert.rejects(
    attempt(scene.path("same"), { annotations: { "org.opencontainers.image.created": "yesterday" } }),
    (error) => isOciError(error, "USAGE"),
  );
  const twice = [{ path: scene.path("same") }, { path: scene.path("same") }];
  await assert.rejects(packArtifact({ target: store, files: twice, artifactType: "a/b" }), (error) =>
    isOciError(error, "FILE_INVALID"),
  );
  await assert.rejects(
    attachArtifacts({
      target: store,
      subject: image("x").manifest.descriptor,
      artifacts: [{ artifactType: "a/b", files: [] }],
    }),
    (error) => isOciError(error, "USAGE"),
  );
  assert.deepEqual(await toArray(store.tags()), []);
});

test("a file that changes between its two readings is named, not the digest", async () => {
  await using scene = await openScene();
  await scene.write({ log: "one" });
  const memory = createMemoryStore();
  const store = decorate(memory, {
    push: async (descriptor, source, options) => {
      if (descriptor.size === 3) await writeFile(scene.path("log"), "another");
      return memory.push(descriptor, source, options);
    },
  });
  await assert.rejects(
    packArtifact({ target: store, files: [{ path: scene.path("log"), title: "log" }], artifactType: "a/b" }),
    (error) => isOciError(error, "FILE_INVALID") && error.message.includes("changed while it was read"),
  );
});
