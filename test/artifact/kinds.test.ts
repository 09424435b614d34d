import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiscoveredNode } from "../../src/artifact/discover.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { goesRound, kinds, pullsKind, pushKind, pushOldKinds, ran } from "./kinds.ts";
import { openScene, treeOf } from "./scene.ts";

async function startRegistry(): Promise<{ readonly repository: string } & AsyncDisposable> {
  const server = await serve({ registry: createMemoryRegistry(), host: "127.0.0.1", port: 0 });
  return {
    repository: `${new URL(server.url).host}/kinds`,
    [Symbol.asyncDispose]: () => server.close(0),
  };
}

for (const kind of kinds) {
  test(`${kind.name}: from layout to registry to archive to layout, then pulled`, async () => {
    await using scene = await openScene();
    await using registry = await startRegistry();
    await pushKind(scene, kind);
    const shown = JSON.parse(await ran(scene, "manifest", "get", `ocidir://start:${kind.name}`, "--raw")) as {
      config: { mediaType: string };
      layers: readonly { mediaType: string }[];
    };
    assert.equal(shown.config.mediaType, kind.config.mediaType);
    assert.deepEqual(
      shown.layers.map(({ mediaType }) => mediaType),
      Object.values(kind.layers).map(({ mediaType }) => mediaType),
    );
    await goesRound(scene, registry.repository, kind.name);
    await pullsKind(scene, kind);
  });
}

test("dead artifact manifests and scratch layers go the same way, by their tags and with their subject", async () => {
  await using scene = await openScene();
  await using registry = await startRegistry();
  const made = await pushOldKinds(scene);
  for (const tag of Object.keys(made)) await goesRound(scene, registry.repository, tag);
  await goesRound(scene, `${registry.repository}-whole`, "subject");
  // Where nothing but the subject was asked for.
  for (const place of [`${registry.repository}-whole:subject`, "oci-archive:subject.tar:subject"]) {
    const { referrers } = JSON.parse(await ran(scene, "discover", place, "--sort", "created", "--json")) as {
      referrers: readonly (DiscoveredNode & { digest: string })[];
    };
    assert.deepEqual(
      new Set(referrers.map(({ digest, artifactType }) => `${digest} ${artifactType}`)),
      new Set(Object.values(made).map(({ digest }) => `${digest} application/vnd.example.old`)),
    );
    assert.deepEqual(
      referrers.map(({ created }) => created),
      ["2022-11-14T22:13:20Z", "2022-11-14T22:13:20Z", undefined],
    );
  }
  for (const tag of ["oras-artifact", "oci-artifact"]) {
    await ran(scene, "pull", `./end:${tag}`, "-o", tag);
    assert.deepEqual(await treeOf(scene.path(tag)), { "old.txt": "old" });
  }
  const nothing = JSON.parse(await ran(scene, "pull", "./end:scratch-layer", "-o", "none", "--json")) as {
    skipped: readonly unknown[];
  };
  assert.deepEqual(nothing.skipped, [], "an empty layer is no file");
});
