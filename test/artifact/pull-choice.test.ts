import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { attachArtifacts } from "../../src/artifact/attach.ts";
import { chooseReferrer } from "../../src/artifact/choose-referrer.ts";
import { packArtifact } from "../../src/artifact/pack.ts";
import { onlyLayer } from "../../src/artifact/pull-content.ts";
import { pullArtifact } from "../../src/artifact/pull.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { emptyBytes, emptyDescriptor } from "../../src/spec/empty.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { inside } from "../cli/inside.ts";
import { image, index, json, pushImage, pushManifest, sourceOf } from "../support/content.ts";
import { openScene, treeOf } from "./scene.ts";

const CONFIG = "application/vnd.example.config";

async function pushed(store: Store, files: Readonly<Record<string, string>>, subject?: Descriptor) {
  const { descriptor } = await packArtifact({
    target: store,
    files: Object.entries(files).map(([title, text]) => ({ title, bytes: Buffer.from(text) })),
    artifactType: "application/vnd.example",
    config: { bytes: Buffer.from('{"of":"mine"}'), mediaType: CONFIG },
    ...(subject === undefined ? {} : { subject }),
  });
  return descriptor;
}

async function attached(store: Store, subject: Descriptor, artifactType: string, created: string) {
  const [packed] = await attachArtifacts({
    target: store,
    subject,
    artifacts: [
      {
        artifactType,
        files: [{ title: "report", bytes: Buffer.from(`${artifactType} ${created}`) }],
        annotations: { "org.opencontainers.image.created": created, by: artifactType },
      },
    ],
  });
  assert.ok(packed);
  return packed.descriptor;
}

test("the config is written beside the files, where it is of the type asked for; its name stays in the directory", async () => {
  await using scene = await openScene();
  const source = createMemoryStore();
  const descriptor = await pushed(source, { a: "a" });
  const output = scene.path("out");
  const { files } = await pullArtifact({ source, descriptor, output, config: { title: "c/config.json" } });
  assert.deepEqual(
    files.map(({ title, role }) => [title, role]),
    [
      ["c/config.json", "config"],
      ["a", "layer"],
    ],
  );
  assert.deepEqual(await treeOf(output), { a: "a", "c/": "", "c/config.json": '{"of":"mine"}' });
  const typed = { title: "typed", mediaType: CONFIG };
  assert.equal((await pullArtifact({ source, descriptor, output, config: typed })).files.length, 2);
  const other = { title: "other", mediaType: "application/json" };
  assert.equal((await pullArtifact({ source, descriptor, output, config: other })).files.length, 1);
  for (const title of ["../config", "/config", "a"]) {
    const refused = pullArtifact({ source, descriptor, output, config: { title } });
    await assert.rejects(refused, (error) => isOciError(error, "FILE_INVALID"), title);
  }
  assert.deepEqual(Object.keys(await treeOf(scene.root)).toSorted(), [
    "out/",
    "out/a",
    "out/c/",
    "out/c/config.json",
    "out/typed",
  ]);
});

test("the files of subjects come along, what is equal once; two that differ are refused before anything is written", async () => {
  await using scene = await openScene();
  const source = createMemoryStore();
  const low = await pushed(source, { low: "1", common: "same" });
  const listed = index([low]);
  await pushManifest(source, listed);
  const middle = await pushed(source, { middle: "2", common: "same" }, listed.descriptor);
  const descriptor = await pushed(source, { top: "3" }, middle);
  await pullArtifact({ source, descriptor, output: scene.path("alone") });
  assert.deepEqual(await treeOf(scene.path("alone")), { top: "3" });
  await pullArtifact({ source, descriptor, output: scene.path("all"), includeSubject: true });
  assert.deepEqual(await treeOf(scene.path("all")), { top: "3", middle: "2", low: "1", common: "same" });
  const clash = await pushed(source, { low: "another" }, low);
  const refused = pullArtifact({ source, descriptor: clash, output: scene.path("clash"), includeSubject: true });
  await assert.rejects(refused, (error) => isOciError(error, "FILE_INVALID"));
  assert.deepEqual(
    Object.keys(await treeOf(scene.root)).filter((path) => path.startsWith("clash")),
    [],
  );
});

test("with keepOld a file that is there is a conflict, whatever is in it, and nothing is written", async () => {
  await using scene = await openScene();
  const source = createMemoryStore();
  const descriptor = await pushed(source, { a: "a", b: "b" });
  const output = scene.path("out");
  await scene.write({ "out/b": "b" });
  const refused = pullArtifact({ source, descriptor, output, keepOld: true, overwrite: true });
  await assert.rejects(refused, (error) => isOciError(error, "CONFLICT") && error.message.includes('"b"'));
  assert.deepEqual(await treeOf(output), { b: "b" });

  await scene.write({ "in/folder/x": "x" });
  const files = [{ title: "folder", path: scene.path("in/folder") }];
  const { descriptor: folder } = await packArtifact({ target: source, files, artifactType: "a/b" });
  await mkdir(scene.path("out/folder"));
  await pullArtifact({ source, descriptor: folder, output, keepOld: true });
  const again = pullArtifact({ source, descriptor: folder, output, keepOld: true });
  await assert.rejects(again, (error) => isOciError(error, "CONFLICT") && error.message.includes("folder/x"));
});

test("a referrer is chosen by type and annotation; none and several are errors, the newest is asked for", async () => {
  const source = createMemoryStore();
  const child = await pushImage(source, image("app"));
  const { descriptor: subject, ...whole } = index([child]);
  await pushManifest(source, { descriptor: subject, ...whole });
  await attached(source, child, "a/sbom", "2030-01-01T00:00:00Z");
  const old = await attached(source, subject, "a/sbom", "2025-12-31T23:00:00-05:00");
  const newest = await attached(source, subject, "a/sbom", "2026-01-01T05:00:00Z");
  const scan = await attached(source, subject, "a/scan", "2026-01-01T00:00:00Z");
  assert.equal((await chooseReferrer({ source, subject, artifactType: "a/scan" })).digest, scan.digest);
  const byNote = await chooseReferrer({ source, subject, annotations: [{ key: "by", value: "a/scan" }] });
  assert.equal(byNote.digest, scan.digest);
  const latest = await chooseReferrer({ source, subject, artifactType: "a/sbom", latest: true });
  assert.equal(latest.digest, newest.digest);
  const several = chooseReferrer({ source, subject, artifactType: "a/sbom" });
  await assert.rejects(
    several,
    (error) =>
      isOciError(error, "USAGE") && error.message.includes(old.digest) && error.message.includes(newest.digest),
  );
  const none = chooseReferrer({ source, subject, artifactType: "a/none", latest: true });
  await assert.rejects(none, (error) => isOciError(error, "MANIFEST_UNKNOWN"));
  for (const at of ["1", "2"]) {
    const head = { schemaVersion: 2, mediaType: MediaType.ImageManifest, artifactType: "a/undated" };
    const body = { ...head, config: emptyDescriptor, layers: [], subject, annotations: { at } };
    await source.push(emptyDescriptor, sourceOf(emptyBytes), { kind: "blob" });
    await pushManifest(source, json(body, MediaType.ImageManifest));
  }
  const undated = chooseReferrer({ source, subject, artifactType: "a/undated", latest: true });
  await assert.rejects(undated, (error) => isOciError(error, "USAGE") && error.message.includes("when it was made"));
});

test("the only layer can be read alone; none and two cannot", async () => {
  const source = createMemoryStore();
  const layer = await onlyLayer({ source, descriptor: await pushed(source, { one: "1" }) });
  assert.equal(layer.size, 1);
  for (const files of [{}, { one: "1", two: "2" }]) {
    const descriptor = await pushed(source, files);
    await assert.rejects(onlyLayer({ source, descriptor }), (error) => isOciError(error, "USAGE"));
  }
});

test("on the command line: attach with its manifest exported, read back, pulled with config and subject", async () => {
  await using scene = await openScene();
  await scene.write({ "a.txt": "a", "s.spdx.json": "{}", "c.json": "{ }" });
  const run = async (...args: readonly string[]) => {
    const ran = await inside(args, { cwd: scene.root });
    return { ...ran, ok: () => (assert.equal(ran.code, 0, ran.err), ran) };
  };
  const push = ["push", "ocidir://l:v1", "a.txt", "--config", `c.json:${CONFIG}`, "--export-manifest", "pushed.json"];
  (await run(...push, "--dry-run")).ok();
  assert.ok(!Object.hasOwn(await treeOf(scene.root), "pushed.json"), "a dry run writes nothing");
  (await run(...push)).ok();
  const attach = ["attach", "ocidir://l:v1", "s.spdx.json", "--artifact-type", "application/spdx+json"];
  (await run(...attach, "--export-manifest", "attached.json")).ok();
  const written = await treeOf(scene.root);
  assert.equal((await run("manifest", "get", "ocidir://l:v1")).out, written["pushed.json"]);
  const bySpdx = ["pull", "ocidir://l:v1", "--artifact-type", "application/spdx+json"];
  assert.equal((await run(...bySpdx, "-o", "-")).ok().out, "{}");
  (await run(...bySpdx, "-o", "out", "--include-subject")).ok();
  const left = (await run("pull", "ocidir://l:v1", "-o", "out", "--config", "c.json:text/plain")).ok();
  assert.match(left.err, /Left out the config/);
  (await run("pull", "ocidir://l:v1", "-o", "out", "--config", "c.json")).ok();
  assert.deepEqual(await treeOf(scene.path("out")), { "a.txt": "a", "s.spdx.json": "{}", "c.json": "{ }" });
  assert.equal((await run("pull", "ocidir://l:v1", "-o", "out", "-k")).code, 6);
  for (const wrong of [
    ["-k", "--force"],
    ["-o", "-", "--all"],
  ]) {
    assert.equal((await run("pull", "ocidir://l:v1", ...wrong)).code, 2, wrong.join(" "));
  }
});
