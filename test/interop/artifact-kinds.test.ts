import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { goesRound, kinds, pullsKind, pushKind, ran } from "../artifact/kinds.ts";
import { openScene, treeOf } from "../artifact/scene.ts";
import { missing, startDockerRegistry } from "../support/docker-registry.ts";
import { run } from "./artifact-peer.ts";

const noRegistry = missing("docker-registry");
const noOras = missing("oras", "see https://oras.land/docs/installation");
const noRegctl = missing("regctl", "see https://regclient.org/install");
const noCrane = missing("crane", "go install github.com/google/go-containerregistry/cmd/crane@latest");

for (const kind of kinds) {
  test(`${kind.name}: through docker-registry and an archive, and the peers see the same`, async (t) => {
    if (noRegistry) return t.skip(noRegistry);
    await using scene = await openScene();
    const registry = await startDockerRegistry();
    try {
      const digest = await pushKind(scene, kind);
      const repository = `${registry.host}/kinds`;
      await goesRound(scene, repository, kind.name);
      await pullsKind(scene, kind);

      await t.test("crane", { skip: noCrane }, () => {
        assert.equal(run("crane", ["digest", `${repository}:${kind.name}`], scene.root).trim(), digest);
        assert.equal(run("crane", ["config", `${repository}:${kind.name}`], scene.root).trim(), kind.config.content);
      });
      await t.test("regctl", { skip: noRegctl }, () => {
        const named = `ocidir://${scene.path("end")}:${kind.name}`;
        assert.equal(run("regctl", ["manifest", "head", named], scene.root).trim(), digest);
      });
      await t.test("oras pulls it, and berth what oras copied", { skip: noOras }, async () => {
        const from = ["--oci-layout", `${scene.path("end")}:${kind.name}`];
        run("oras", ["pull", ...from, "-o", scene.path("oras")], scene.root);
        assert.deepEqual(await treeOf(scene.path("oras")), await treeOf(scene.path(`out-${kind.name}`)));
        const copied = `${scene.path("theirs")}:${kind.name}`;
        run("oras", ["cp", "--from-oci-layout", from[1] ?? "", "--to-oci-layout", copied], scene.root);
        assert.equal(await ran(scene, "digest", `ocidir://theirs:${kind.name}`), digest);
      });
    } finally {
      await registry.close();
    }
  });
}

test("oras and berth make the same manifest of one annotation file", async (t) => {
  if (noOras) return t.skip(noOras);
  await using scene = await openScene();
  await scene.write({
    "a.txt": "a",
    "b.txt": "b",
    "config.json": "{}",
    "notes.json": JSON.stringify({
      $manifest: { "org.opencontainers.image.created": "2026-01-31T12:00:00Z", "org.example.by": "ann" },
      $config: { "org.example.of": "config" },
      "a.txt": { "org.example.kept": "yes" },
      "b.txt": { "org.opencontainers.image.title": "renamed.txt" },
    }),
  });
  const files = ["a.txt:text/plain", "b.txt", "--annotation-file", "notes.json"];
  for (const extra of [
    ["--artifact-type", "application/vnd.example"],
    ["--config", "config.json:application/x+json"],
  ]) {
    await ran(scene, "push", "ocidir://ours:v1", ...files, ...extra);
    run("oras", ["push", "--oci-layout", `${scene.path("theirs")}:v1`, ...files, ...extra], scene.root);
    const [ours, theirs] = await Promise.all(
      ["ours", "theirs"].map(async (layout): Promise<unknown> => {
        const digest = await ran(scene, "digest", `ocidir://${layout}:v1`);
        return JSON.parse(await readFile(scene.path(layout, "blobs", ...digest.split(":")), "utf8"));
      }),
    );
    assert.deepEqual(ours, theirs);
  }
});
