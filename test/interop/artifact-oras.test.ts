import assert from "node:assert/strict";
import { test } from "node:test";
import { attachArtifacts } from "../../src/artifact/attach.ts";
import { discover } from "../../src/artifact/discover.ts";
import { packArtifact } from "../../src/artifact/pack.ts";
import { pullArtifact } from "../../src/artifact/pull.ts";
import { treeOf } from "../artifact/scene.ts";
import { image, pushImage } from "../support/content.ts";
import { missing } from "../support/docker-registry.ts";
import { layoutPlace, registryPlace, run } from "./artifact-peer.ts";

const absent = missing("oras", "see https://oras.land/docs/installation");
const noRegistry = missing("docker-registry");

interface Listed {
  readonly digest: string;
  readonly artifactType: string;
  readonly referrers?: readonly Listed[];
}

const files = {
  "in/app.cdx.json": '{"bomFormat":"CycloneDX"}',
  "in/tree/a": "a",
  "in/tree/deep/b": "b",
  "in/tree/empty": "",
  "in/notes.md": "# notes",
};

for (const [medium, openPlace, skip] of [
  ["a layout", layoutPlace, absent],
  ["a registry", registryPlace, absent || noRegistry],
] as const) {
  test(`${medium}: oras pulls what berth pushed`, async (t) => {
    if (skip) return t.skip(skip);
    await using place = await openPlace();
    const { scene } = place;
    await scene.write(files);
    await using target = await place.open();
    const titles = ["app.cdx.json", "tree", "notes.md"];
    await packArtifact({
      target,
      files: titles.map((title) => ({ title, path: scene.path("in", title) })),
      artifactType: "application/vnd.example",
      tags: ["ours"],
    });
    run("oras", ["pull", ...place.oras(":ours"), "-o", scene.path("out")], scene.root);
    assert.deepEqual(await treeOf(scene.path("out")), await treeOf(scene.path("in")));
  });

  test(`${medium}: berth pulls what oras pushed`, async (t) => {
    if (skip) return t.skip(skip);
    await using place = await openPlace();
    const { scene } = place;
    await scene.write(files);
    const names = ["app.cdx.json:application/vnd.cyclonedx+json", "tree", "notes.md"];
    run("oras", ["push", ...place.oras(":theirs"), ...names, "--artifact-type", "a/b"], scene.path("in"));
    await using source = await place.open();
    const descriptor = await source.resolve({ tag: "theirs" });
    const pulled = await pullArtifact({ source, descriptor, output: scene.path("out") });
    assert.deepEqual(await treeOf(scene.path("out")), await treeOf(scene.path("in")));
    assert.equal(pulled.artifactType, "a/b");
  });

  test(`${medium}: oras and berth see what the other attached, at two levels`, async (t) => {
    if (skip) return t.skip(skip);
    await using place = await openPlace();
    const { scene } = place;
    await scene.write(files);
    await using store = await place.open();
    const subject = await pushImage(store, image("subject"), ["v1"]);
    const [ours] = await attachArtifacts({
      target: store,
      subject,
      artifacts: [
        {
          artifactType: "application/vnd.cyclonedx+json",
          files: [{ path: scene.path("in/app.cdx.json"), title: "app.cdx.json" }],
        },
      ],
    });
    assert.ok(ours);
    const type = ["--artifact-type", "application/theirs"];
    run("oras", ["attach", ...place.oras(":v1"), "notes.md", ...type], scene.path("in"));
    run("oras", ["attach", ...place.oras(`@${ours.descriptor.digest}`), "notes.md", ...type], scene.path("in"));

    const listed = JSON.parse(
      run("oras", ["discover", ...place.oras(":v1"), "--format", "json"], scene.root),
    ) as Listed;
    const seen = (listed.referrers ?? []).map(({ digest, artifactType, referrers = [] }) => [
      artifactType,
      digest,
      referrers.map((each) => [each.artifactType, each.digest]),
    ]);
    await using again = await place.open();
    const found = await discover({ source: again, subject });
    const known = found.referrers.map(({ artifactType, descriptor, referrers }) => [
      artifactType,
      descriptor.digest,
      referrers.map((each) => [each.artifactType, each.descriptor.digest]),
    ]);
    assert.deepEqual(
      new Set(known.map((each) => JSON.stringify(each))),
      new Set(seen.map((each) => JSON.stringify(each))),
    );
    assert.equal(known.length, 2);
    assert.ok(
      known.some(
        ([artifactType, digest, above]) =>
          artifactType === "application/vnd.cyclonedx+json" && digest === ours.descriptor.digest && above?.length === 1,
      ),
    );
  });
}
