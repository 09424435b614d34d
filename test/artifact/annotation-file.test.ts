import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAnnotationFile } from "../../src/artifact/annotation-file.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { Limits } from "../../src/spec/limits.ts";
import { inside as berth } from "../cli/inside.ts";
import { image, pushImage, readAll } from "../support/content.ts";
import { openScene, type Scene, treeOf } from "./scene.ts";

const TITLE = "org.opencontainers.image.title";

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

async function manifestOf(scene: Scene, digest: string): Promise<Manifest> {
  await using store = await openLayout(scene.path("layout"));
  const descriptor = await store.resolve({ digest: digest as Descriptor["digest"] }, { kind: "manifest" });
  return JSON.parse((await readAll(store.fetch(descriptor, { kind: "manifest" }))).toString()) as Manifest;
}

test("an annotation file speaks of the manifest, the config and files", () => {
  const text = '{"$manifest":{"a":"1"},"$config":{"b":""},"docs/x.md":{"c":"3"},"toString":{}}';
  const { manifest, config, files } = parseAnnotationFile(Buffer.from(text));
  assert.deepEqual([manifest, config], [{ a: "1" }, { b: "" }]);
  assert.deepEqual(
    [...files],
    [
      ["docs/x.md", { c: "3" }],
      ["toString", {}],
    ],
  );
  assert.deepEqual(parseAnnotationFile(Buffer.from("{}")).manifest, {});
});

for (const [what, text] of Object.entries({
  "no JSON": "a=b",
  "a list": "[]",
  nothing: "",
  "null for annotations": '{"$manifest":null}',
  "a text for annotations": '{"file":"x"}',
  "a number": '{"$manifest":{"a":1}}',
  "an object in an annotation": '{"$config":{"a":{}}}',
  "a file named twice": '{"file":{},"file":{}}',
  "a key twice": '{"file":{"a":"1","a":"2"}}',
  "a key without letters": '{"file":{"":"1"}}',
  "a prototype": '{"__proto__":{"a":"1"}}',
  "bytes that are no UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x7b, 0x7d, 0x7d]).toString("latin1"),
})) {
  test(`an annotation file with ${what} is refused`, () => {
    assert.throws(
      () => parseAnnotationFile(Buffer.from(text, "latin1")),
      (error) => isOciError(error, "FILE_INVALID"),
    );
  });
}

test("an annotation file is not larger than the manifest may be", () => {
  assert.throws(
    () => parseAnnotationFile(Buffer.alloc(Limits.manifest + 1, " ")),
    (error) => isOciError(error, "LIMIT_EXCEEDED"),
  );
});

test("berth push annotates manifest, config, files and folders; the command line wins, a title renames", async () => {
  await using scene = await openScene();
  await scene.write({
    "a.txt": "a",
    "tree/b": "b",
    "notes.json": JSON.stringify({
      $manifest: { one: "file", two: "file" },
      $config: { of: "config" },
      "./a.txt": { kept: "yes", [TITLE]: "renamed.txt" },
      tree: { kept: "too", "io.deis.oras.content.unpack": "false" },
    }),
  });
  const at = { cwd: scene.root, env: {} };
  const args = ["push", "ocidir://layout:v1", "./a.txt:text/plain", "tree", "--annotation-file", "notes.json"];
  const pushed = await berth([...args, "-a", "two=line", "--json"], at);
  assert.equal(pushed.code, 0, pushed.err);
  const { config, layers, annotations } = await manifestOf(scene, (JSON.parse(pushed.out) as Descriptor).digest);
  assert.deepEqual([annotations["one"], annotations["two"]], ["file", "line"]);
  assert.deepEqual(config.annotations, { of: "config" });
  assert.deepEqual(layers[0]?.annotations, { kept: "yes", [TITLE]: "renamed.txt" });
  assert.equal(layers[1]?.annotations?.["kept"], "too");
  assert.equal(layers[1]?.annotations?.["io.deis.oras.content.unpack"], "true", "what a folder is, is not up to it");
  const pulled = await berth(["pull", "ocidir://layout:v1", "-o", "out"], at);
  assert.equal(pulled.code, 0, pulled.err);
  assert.deepEqual(await treeOf(scene.path("out")), { "renamed.txt": "a", "tree/": "", "tree/b": "b" });
});

test("berth attach takes one; a file that is not attached, and a title that leads away, are errors", async () => {
  await using scene = await openScene();
  {
    await using store = await openLayout(scene.path("layout"), { create: true });
    await pushImage(store, image("subject"), ["v1"]);
  }
  await scene.write({
    "a.txt": "a",
    "mark.json": '{"$manifest":{"by":"ann"}}',
    "stray.json": '{"b.txt":{"by":"ann"}}',
    "away.json": JSON.stringify({ "a.txt": { [TITLE]: "../a.txt" } }),
  });
  const at = { cwd: scene.root, env: {} };
  const attach = (file: string, ...files: string[]): ReturnType<typeof berth> =>
    berth(
      ["attach", "ocidir://layout:v1", ...files, "--artifact-type", "a/b", "--annotation-file", file, "--json"],
      at,
    );
  const mark = await attach("mark.json");
  assert.equal(mark.code, 0, mark.err);
  assert.equal((await manifestOf(scene, (JSON.parse(mark.out) as Descriptor).digest)).annotations["by"], "ann");
  const before = await treeOf(scene.path("layout"));
  const stray = await attach("stray.json", "a.txt");
  assert.equal(stray.code, 2);
  assert.match(stray.err, /"b\.txt"/);
  const away = await attach("away.json", "a.txt");
  assert.notEqual(away.code, 0);
  assert.match(away.err, /\.\.\/a\.txt/);
  assert.deepEqual(await treeOf(scene.path("layout")), before);
});
