import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReferrerChoice } from "../../src/artifact/arrange.ts";
import { attachArtifacts } from "../../src/artifact/attach.ts";
import { discover } from "../../src/artifact/discover.ts";
import { pullArtifact } from "../../src/artifact/pull.ts";
import { treeOf } from "../artifact/scene.ts";
import { image, pushImage } from "../support/content.ts";
import { missing } from "../support/docker-registry.ts";
import { layoutPlace, registryPlace, run } from "./artifact-peer.ts";

const absent = missing("regctl", "see https://regclient.org/install");
const noRegistry = missing("docker-registry");

for (const [medium, openPlace, skip] of [
  ["a layout", layoutPlace, absent],
  ["a registry", registryPlace, absent || noRegistry],
] as const) {
  test(`${medium}: regctl and berth see what the other attached`, async (t) => {
    if (skip) return t.skip(skip);
    await using place = await openPlace();
    const { scene } = place;
    await scene.write({ "note.txt": "from regctl" });
    const host = place.regctl("").split("/")[0] ?? "";
    const plain = medium === "a registry" ? ["--host", `reg=${host},tls=disabled`] : [];
    await using store = await place.open();
    const subject = await pushImage(store, image("subject"), ["v1"]);
    const ours = await attachArtifacts({
      target: store,
      subject,
      artifacts: ["application/one", "application/two"].map((artifactType) => ({
        artifactType,
        files: [{ bytes: Buffer.from(artifactType), title: "file" }],
      })),
    });
    const put = [
      "artifact",
      "put",
      ...plain,
      "--artifact-type",
      "application/theirs",
      "--subject",
      place.regctl(":v1"),
    ];
    run("regctl", [...put, "--file", "note.txt", "--file-title"], scene.root);

    const list = run("regctl", ["artifact", "list", ...plain, place.regctl(":v1")], scene.root);
    const tree = run("regctl", ["artifact", "tree", ...plain, place.regctl(":v1")], scene.root);
    for (const { descriptor, artifactType = "none" } of ours) {
      assert.match(list, new RegExp(descriptor.digest));
      assert.match(list, new RegExp(artifactType));
      assert.match(tree, new RegExp(`${descriptor.digest}: ${artifactType}`));
    }
    await using again = await place.open();
    const { referrers } = await discover({ source: again, subject });
    assert.deepEqual(referrers.map(({ artifactType }) => artifactType).toSorted(), [
      "application/one",
      "application/theirs",
      "application/two",
    ]);
    const theirs = referrers.find(({ artifactType }) => artifactType === "application/theirs");
    assert.ok(theirs && tree.includes(theirs.descriptor.digest));
    await pullArtifact({ source: again, descriptor: theirs.descriptor, output: scene.path("out") });
    assert.deepEqual(Object.values(await treeOf(scene.path("out"))), ["from regctl"]);
  });

  test(`${medium}: regctl gets the file that berth attached`, async (t) => {
    if (skip) return t.skip(skip);
    await using place = await openPlace();
    const { scene } = place;
    const host = place.regctl("").split("/")[0] ?? "";
    const plain = medium === "a registry" ? ["--host", `reg=${host},tls=disabled`] : [];
    await using store = await place.open();
    const subject = await pushImage(store, image("subject"), ["v1"]);
    const files = [{ bytes: Buffer.from("content"), title: "report.sarif" }];
    await attachArtifacts({ target: store, subject, artifacts: [{ artifactType: "application/sarif+json", files }] });
    await scene.write({ "out/.keep": "" });
    run("regctl", ["artifact", "get", ...plain, "--subject", place.regctl(":v1"), "-o", scene.path("out")], scene.root);
    assert.deepEqual(await treeOf(scene.path("out")), { ".keep": "", "report.sarif": "content" });
  });

  test(`${medium}: regctl finds the same newest, and the same of an annotation`, async (t) => {
    if (skip) return t.skip(skip);
    await using place = await openPlace();
    const { scene } = place;
    const host = place.regctl("").split("/")[0] ?? "";
    const plain = medium === "a registry" ? ["--host", `reg=${host},tls=disabled`] : [];
    await using store = await place.open();
    const subject = await pushImage(store, image("subject"), ["v1"]);
    await scene.write({ "note.txt": "from regctl" });
    const put = ["artifact", "put", ...plain, "--artifact-type", "a/b", "--subject", place.regctl(":v1")];
    for (const [month, team] of [
      ["02", "red"],
      ["03", "blue"],
      ["01", "blue"],
    ]) {
      const said = [`org.opencontainers.image.created=2026-${month}-01T00:00:00Z`, `team=${team}`];
      const annotations = said.flatMap((each) => ["--annotation", each]);
      run("regctl", [...put, ...annotations, "--file", "note.txt"], scene.root);
    }
    const theirs = (...args: string[]): readonly string[] => {
      const format = "{{range .Descriptors}}{{println .Digest}}{{end}}";
      const list = ["artifact", "list", ...plain, place.regctl(":v1"), "--format", format, ...args];
      return run("regctl", list, scene.root).trim().split("\n");
    };
    await using again = await place.open();
    const ours = async (choice: ReferrerChoice): Promise<readonly string[]> => {
      const { referrers } = await discover({ source: again, subject, sort: "created", ...choice });
      return referrers.map(({ descriptor }) => descriptor.digest);
    };
    const blue = await ours({ annotations: [{ key: "team", value: "blue" }] });
    assert.equal(blue.length, 2);
    assert.deepEqual(blue.toSorted(), theirs("--filter-annotation", "team=blue").toSorted());
    const sorted = ["--sort-annotation", "org.opencontainers.image.created"];
    assert.deepEqual(await ours({}), theirs(...sorted));
    assert.deepEqual(await ours({ descending: true }), theirs(...sorted, "--sort-desc"));
    assert.deepEqual(await ours({ descending: true, top: 1 }), theirs("--latest").slice(0, 1));
  });
}
