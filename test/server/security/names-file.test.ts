import assert from "node:assert/strict";
import { lstat, lutimes, open, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Descriptor } from "../../../src/spec/descriptor.ts";
import { image } from "../../support/content.ts";
import { openScene, parsed, putImage, putManifest, type Scene, told } from "./scene.ts";

/** What may become of the file that holds a layout's names. */
const WRECKS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  truncated: async (path) => truncate(path, 20),
  empty: async (path) => truncate(path, 0),
  garbage: async (path) => writeFile(path, Buffer.alloc(8192, "garbage")),
  "another document": async (path) => writeFile(path, '{"manifests":"v1"}'),
  "a link": async (path) => {
    await rename(path, `${path}.away`);
    await symlink(`${path}.away`, path);
  },
  "of a gibibyte": async (path) => {
    await using file = await open(path, "r+");
    await file.truncate(1024 * 1024 * 1024);
  },
};

/** The other repositories are as they were, and can be pushed to. */
async function assertOthersServed(scene: Scene, what: string): Promise<void> {
  const { manifest } = image("sound");
  for (const target of ["manifests/v1", `manifests/${manifest.descriptor.digest}`]) {
    assert.deepEqual((await scene.ask("GET", `/v2/sound/${target}`)).bytes, Buffer.from(manifest.bytes), what);
  }
  assert.deepEqual(parsed(await scene.ask("GET", "/v2/sound/tags/list")), { name: "sound", tags: ["v1"] });
  assert.equal((await putManifest(scene, "sound", manifest, "v1")).status, 201, what);
}

test("layouts E55: a repository whose names cannot be read is an error, changes nothing, and hinders no other", async () => {
  for (const [what, wreck] of Object.entries(WRECKS)) {
    await using scene = await openScene("layouts");
    const { manifest } = await putImage(scene, "damaged", "v1");
    await putImage(scene, "sound", "v1", image("sound"));
    const path = join(scene.root, "damaged/index.json");
    const whole = await readFile(path);
    await wreck(path);
    await scene.restart();
    const size = async (): Promise<number> => {
      await using file = await open(path);
      return (await file.stat()).size;
    };
    const before = await size();
    const { digest } = manifest.descriptor;
    for (const [method, target] of [
      ["GET", "manifests/v1"],
      ["HEAD", "manifests/v1"],
      ["GET", "manifests/none"],
      ["GET", "tags/list"],
      ["GET", `referrers/${digest}`],
      ["DELETE", "manifests/v1"],
    ] as const) {
      const reply = await scene.ask(method, `/v2/damaged/${target}`);
      assert.equal(reply.status, 500, `${what}: ${method} ${target}`);
      assert.doesNotMatch(reply.bytes.toString(), /garbage|index\.json|\/tmp/, what);
      assert.match(String((await told(scene, reply)).error), /index\.json/, "the log says which file");
    }
    assert.ok((await putManifest(scene, "damaged", manifest, "v1")).status >= 500, what);
    assert.equal(await size(), before, `${what}: it is left to whoever can mend it`);
    await assertOthersServed(scene, what);
    // Mended, it is served again.
    await rm(path);
    await writeFile(path, whole);
    await scene.restart();
    assert.deepEqual((await scene.ask("GET", "/v2/damaged/manifests/v1")).bytes, Buffer.from(manifest.bytes), what);
  }
});

test("depot E55: an index.json that is damaged or gone takes no name with it and guesses none; it is written anew", async () => {
  for (const [what, wreck] of Object.entries({ ...WRECKS, gone: async (path: string) => rm(path) })) {
    await using scene = await openScene("depot");
    const { manifest } = await putImage(scene, "damaged", "v1");
    await putImage(scene, "sound", "v1", image("sound"));
    const path = join(scene.root, "damaged/index.json");
    // What waits to be written there is written at the end.
    await scene.close();
    await wreck(path);
    // A young file may be one that somebody is still writing.
    if (what !== "gone") await lutimes(path, 1e9, 1e9);
    await scene.restart();
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/damaged/tags/list")), { name: "damaged", tags: ["v1"] }, what);
    assert.deepEqual((await scene.ask("GET", "/v2/damaged/manifests/v1")).bytes, Buffer.from(manifest.bytes), what);
    await assertOthersServed(scene, what);
    assert.equal((await putManifest(scene, "damaged", manifest, "v2")).status, 201, what);
    await scene.close();
    const { manifests } = JSON.parse(await readFile(path, "utf8")) as { manifests: Descriptor[] };
    const written = manifests.map(({ digest, annotations }) => [
      digest,
      annotations?.["org.opencontainers.image.ref.name"],
    ]);
    const { digest } = manifest.descriptor;
    assert.deepEqual(
      written.toSorted(),
      [
        [digest, "v1"],
        [digest, "v2"],
      ],
      what,
    );
    if (what === "a link") {
      assert.ok((await lstat(path)).isFile(), "nothing was written through the link");
      assert.doesNotMatch(await readFile(`${path}.away`, "utf8"), /"v2"/);
    }
  }
});
