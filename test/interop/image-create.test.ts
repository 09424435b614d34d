import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createImage } from "../../src/image/create.ts";
import { modImage } from "../../src/image/mod.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Compression } from "../../src/tar/compress.ts";
import { amd64, application, arm64, configOf, temporary } from "../image/fixture.ts";
import { missing } from "../support/docker-registry.ts";

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

interface Made {
  /** The folder that holds the layout "images". */
  readonly cwd: string;
  /** What was packed below /app. */
  readonly input: string;
}

/** A layout with an image `v1` of one platform, on a base in a layout of its own, and an index `multi`. */
async function make(t: TestContext, compression: Compression = "gzip"): Promise<Made> {
  const [cwd, input] = [await temporary(t), await application(t)];
  await using target = await openLayout(join(cwd, "images"), { create: true });
  await using source = await openLayout(join(cwd, "bases"), { create: true });
  const base = await createImage({
    target: source,
    tags: ["base"],
    layers: [{ path: await application(t, "base"), target: "/base" }],
    platforms: [amd64],
    compression,
  });
  await createImage({
    target,
    tags: ["v1"],
    base: { source, descriptor: base.descriptor },
    layers: [{ path: input, target: "/app" }],
    config: { entrypoint: ["/app/run.sh"], env: { A: "b" }, labels: { l: "1" }, exposedPorts: { "80": true } },
    compression,
  });
  await createImage({ target, tags: ["multi"], layers: [{ path: input, target: "/app" }], platforms: [amd64, arm64] });
  return { cwd, input };
}

test("umoci unpacks the tree that was packed", async (t) => {
  const skip = missing("umoci");
  if (skip) return t.skip(skip);
  const { cwd, input } = await make(t);
  run("umoci", ["unpack", "--rootless", "--image", "images:v1", "bundle"], cwd);
  run("diff", ["-r", "--no-dereference", input, "bundle/rootfs/app"], cwd);
  run("test", ["-x", "bundle/rootfs/app/run.sh"], cwd);
  assert.deepEqual((await readdir(join(cwd, "bundle/rootfs"))).toSorted(), ["app", "base"]);
  const spec = JSON.parse(await readFile(join(cwd, "bundle/config.json"), "utf8")) as { process: { args: string[] } };
  assert.deepEqual(spec.process.args, ["/app/run.sh"]);
});

for (const compression of ["gzip", "zstd", "none"] as const) {
  test(`skopeo reads and copies an image with ${compression} layers`, async (t) => {
    const skip = missing("skopeo");
    if (skip) return t.skip(skip);
    const { cwd } = await make(t, compression);
    const shown = JSON.parse(run("skopeo", ["inspect", "oci:images:v1"], cwd)) as Record<string, unknown>;
    assert.deepEqual(
      [shown["Architecture"], shown["Os"], shown["Env"], shown["Labels"]],
      ["amd64", "linux", ["A=b"], { l: "1" }],
    );
    await mkdir(join(cwd, "out"));
    run("skopeo", ["--insecure-policy", "copy", "oci:images:v1", "dir:out"], cwd);
    run("skopeo", ["--insecure-policy", "copy", "--all", "oci:images:multi", "oci:copied:multi"], cwd);
    await using images = await openLayout(join(cwd, "images"), { readOnly: true });
    await using copied = await openLayout(join(cwd, "copied"), { readOnly: true });
    const [ours, theirs] = [await images.resolve({ tag: "multi" }), await copied.resolve({ tag: "multi" })];
    assert.equal(theirs.digest, ours.digest);
  });
}

test("crane validates digests, DiffIDs and history", async (t) => {
  const skip = missing("crane", "see https://github.com/google/go-containerregistry") || missing("skopeo");
  if (skip) return t.skip(skip);
  const { cwd } = await make(t);
  run("skopeo", ["--insecure-policy", "copy", "oci:images:v1", "docker-archive:image.tar:x/y:v1"], cwd);
  assert.match(run("crane", ["validate", "--tarball", "image.tar"], cwd), /PASS/);
});

test("buildah pulls it and mounts what was packed", async (t) => {
  const skip = missing("buildah");
  if (skip) return t.skip(skip);
  const { cwd, input } = await make(t);
  const storage = ["--root", join(cwd, "root"), "--runroot", join(cwd, "run"), "--storage-driver", "vfs"];
  const policy = join(cwd, "policy.json");
  run("sh", ["-c", `echo '{"default":[{"type":"insecureAcceptAnything"}]}' > ${policy}`], cwd);
  const name = run("buildah", [...storage, "from", "--signature-policy", policy, "oci:images:v1"], cwd).trim();
  const mounted = run("buildah", [...storage, "mount", name], cwd).trim();
  run("diff", ["-r", "--no-dereference", input, join(mounted, "app")], cwd);
  run("buildah", [...storage, "umount", name], cwd);
});

test("what mod makes is read as well, and a base made by umoci is built on", async (t) => {
  const skip = missing("umoci") || missing("skopeo");
  if (skip) return t.skip(skip);
  const { cwd, input } = await make(t);
  await using images = await openLayout(join(cwd, "images"));
  const descriptor = await images.resolve({ tag: "v1" });
  const timeMax = new Date("1970-01-01T00:00:00Z");
  const config = { labels: { new: "1" }, user: "1000" };
  await modImage({ source: images, descriptor, target: images, tags: ["v2"], config, timeMax });
  assert.match(run("skopeo", ["inspect", "oci:images:v2"], cwd), /"new": "1"/);
  run("umoci", ["init", "--layout", "theirs"], cwd);
  run("umoci", ["new", "--image", "theirs:base"], cwd);
  run("umoci", ["insert", "--rootless", "--image", "theirs:base", input, "/below"], cwd);
  await using source = await openLayout(join(cwd, "theirs"));
  const base = { source, descriptor: await source.resolve({ tag: "base" }) };
  const built = await createImage({ target: images, tags: ["on"], base, layers: [{ path: input, target: "/app" }] });
  // umoci's layers carry the time of the insert: clamping has to rewrite them.
  const clamped = await modImage({
    source: images,
    descriptor: built.descriptor,
    target: images,
    tags: ["on"],
    timeMax,
  });
  assert.equal(clamped.changes.filter(({ role }) => role === "layer").length, 1);
  assert.equal((await configOf(images, clamped.descriptor)).created, "1970-01-01T00:00:00Z");
  run("umoci", ["unpack", "--rootless", "--image", "images:on", "bundle"], cwd);
  run("diff", ["-r", "--no-dereference", input, "bundle/rootfs/below"], cwd);
  run("diff", ["-r", "--no-dereference", input, "bundle/rootfs/app"], cwd);
});
