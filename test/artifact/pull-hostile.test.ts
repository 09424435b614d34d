import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { pullArtifact } from "../../src/artifact/pull.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import type { ErrorCode } from "../../src/error/code.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import type { TarEntry } from "../../src/tar/entry.ts";
import { type TarInput, writeTar } from "../../src/tar/write.ts";
import { blob, json, pushBlob, pushManifest, readAll, sourceOf } from "../support/content.ts";
import { emptyBytes, emptyDescriptor } from "../../src/spec/empty.ts";
import { openScene, type Scene, treeOf } from "./scene.ts";

interface Layer {
  readonly title: string;
  readonly bytes?: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function hostile(store: Store, layers: readonly Layer[]): Promise<Descriptor> {
  await store.push(emptyDescriptor, sourceOf(emptyBytes), { kind: "blob" });
  const listed: Descriptor[] = [];
  for (const [at, { title, bytes, annotations }] of layers.entries()) {
    const part = blob(bytes ?? `attack ${at}`);
    await pushBlob(store, part);
    listed.push({ ...part.descriptor, annotations: { "org.opencontainers.image.title": title, ...annotations } });
  }
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      artifactType: "a/b",
      config: emptyDescriptor,
      layers: listed,
    },
    MediaType.ImageManifest,
  );
  await pushManifest(store, manifest);
  return manifest.descriptor;
}

/** A tree around the output, which has to be the same afterwards. */
async function sentinel(): Promise<Scene> {
  const scene = await openScene();
  await scene.write({ "secret/key": "sentinel", x: "sentinel", "out/mine": "mine" });
  await symlink("../secret", scene.path("out/inside"));
  await symlink("../x", scene.path("out/file"));
  await mkdir(scene.path("out/folder"));
  return scene;
}

async function refused(
  store: Store,
  descriptor: Descriptor,
  codes: readonly ErrorCode[],
  context: TestContext,
): Promise<void> {
  await using scene = await sentinel();
  const before = await treeOf(scene.root);
  for (const overwrite of [false, true]) {
    await assert.rejects(
      pullArtifact({ source: store, descriptor, output: scene.path("out"), overwrite, all: true }),
      (error) => isOciError(error, ...codes),
      context.name,
    );
    assert.deepEqual(await treeOf(scene.root), before, context.name);
  }
}

const titles = [
  "../x",
  "/etc/x",
  "a/../../x",
  "",
  ".",
  "..",
  "a\0b",
  "C:\\x",
  "a\\..\\..\\x",
  "inside/key",
  "inside/new",
  "file",
  "folder",
  "mine/below",
] as const;

for (const title of titles) {
  test(`a layer titled ${JSON.stringify(title)} is refused with everything beside it`, async (context) => {
    const store = createMemoryStore();
    const descriptor = await hostile(store, [{ title: "harmless" }, { title }]);
    await refused(store, descriptor, ["FILE_INVALID"], context);
  });
}

test("two layers of one title, or one below the other, are refused", async (context) => {
  const store = createMemoryStore();
  await refused(store, await hostile(store, [{ title: "a" }, { title: "a" }]), ["FILE_INVALID"], context);
  await refused(store, await hostile(store, [{ title: "a" }, { title: "./a" }]), ["FILE_INVALID"], context);
  await refused(store, await hostile(store, [{ title: "a" }, { title: "a/b" }]), ["FILE_INVALID"], context);
});

function entry(path: string, extra: Partial<TarEntry> & { readonly text?: string } = {}): TarInput {
  const { text = "", ...fields } = extra;
  const bytes = Buffer.from(text);
  return {
    entry: {
      path,
      type: "file",
      mode: 0o4777,
      uid: 0,
      gid: 0,
      userName: "",
      groupName: "",
      modifiedAt: 0,
      size: bytes.length,
      ...fields,
    },
    ...(bytes.length > 0 ? { content: sourceOf(bytes) } : {}),
  };
}

async function folder(inputs: readonly TarInput[], title = "d"): Promise<Layer> {
  const bytes = gzipSync(await readAll(writeTar(inputs)));
  return { title, bytes, annotations: { "io.deis.oras.content.unpack": "true" } };
}

const directory = { type: "directory" } as const;
const link = (linkPath: string): Partial<TarEntry> => ({ type: "symlink", linkPath });
const hardLink = (linkPath: string): Partial<TarEntry> => ({ type: "hardlink", linkPath });

const archives: Readonly<Record<string, readonly TarInput[]>> = {
  "a path up": [entry("d", directory), entry("d/../../x", { text: "attack" })],
  "an absolute path": [entry("/x", { text: "attack" })],
  "a path beside the folder": [entry("other", { text: "attack" })],
  "the output itself": [entry("inside", directory), entry("inside/key", { text: "attack" })],
  "a link up": [entry("d/up", link("../.."))],
  "an absolute link": [entry("d/up", link("/etc"))],
  "an empty link": [entry("d/up", link(""))],
  "a link that comes back down": [entry("d/up", link("a/../../../x"))],
  "a chain of links, each harmless to the eye": [
    entry("d/a/b", directory),
    entry("d/a/b/up", link("../..")),
    entry("d/escape", link("a/b/up/..")),
  ],
  "a file through a link": [entry("d/self", link(".")), entry("d/self/x", { text: "attack" })],
  "a link over a folder": [entry("d/f", directory), entry("d/f", link("."))],
  "a file over a link": [entry("d/f", link("x")), entry("d/f", { text: "attack" })],
  "the folder as a link": [entry("d", link("inside"))],
  "a hard link out": [entry("d/h", hardLink("../x"))],
  "a hard link to what is there already": [entry("d/h", hardLink("d/mine"))],
  "a hard link through a link": [entry("d/l", link("x")), entry("d/h", hardLink("d/l"))],
  "the same file twice": [entry("d/f", { text: "1" }), entry("d/f", { text: "2" })],
};

for (const [name, inputs] of Object.entries(archives)) {
  test(`a folder with ${name} is refused`, async (context) => {
    const store = createMemoryStore();
    const descriptor = await hostile(store, [{ title: "harmless" }, await folder(inputs)]);
    await refused(store, descriptor, ["FILE_INVALID", "ARCHIVE_INVALID"], context);
  });
}

test("a folder that is no tar, is cut, is a bomb or is not what it says is refused", async (context) => {
  const store = createMemoryStore();
  const whole = await folder([entry("d/f", { text: "content" })]);
  const layers: readonly Layer[] = [
    { ...whole, bytes: Buffer.from("not a tar at all") },
    { ...whole, bytes: (whole.bytes ?? Buffer.alloc(0)).subarray(0, 60) },
    { ...whole, bytes: Buffer.alloc(0) },
    { ...whole, annotations: { ...whole.annotations, "io.deis.oras.content.digest": `sha256:${"0".repeat(64)}` } },
  ];
  for (const layer of layers) {
    await refused(store, await hostile(store, [layer]), ["ARCHIVE_INVALID", "DIGEST_INVALID"], context);
  }
});

test("links inside a folder and hard links are kept, special bits are not", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const inputs = [
    entry("d/sub/f", { text: "content" }),
    entry("d/same", hardLink("d/sub/f")),
    entry("d/sub/up", link("../sub/f")),
    entry("d/dot", link("./sub")),
  ];
  await pullArtifact({
    source: store,
    descriptor: await hostile(store, [await folder(inputs)]),
    output: scene.path("out"),
  });
  const { "d/sub/f": file, ...rest } = await treeOf(scene.path("out"));
  assert.equal(file, "content");
  assert.deepEqual(rest, {
    "d/": "",
    "d/sub/": "",
    "d/same": "content",
    "d/sub/up": "-> ../sub/f",
    "d/dot": "-> ./sub",
  });
  const { stat } = await import("node:fs/promises");
  assert.equal((await stat(scene.path("out/d/sub/f"))).mode & 0o7000, 0);
});
