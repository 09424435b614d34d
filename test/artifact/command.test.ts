import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openLayout } from "../../src/layout/open-layout.ts";
import { berth, type Ran } from "../cli/berth.ts";
import { image, index, pushImage, pushManifest } from "../support/content.ts";
import { openScene, type Scene, treeOf } from "./scene.ts";

const SBOM = '{"bomFormat":"CycloneDX"}';
const CYCLONEDX = "application/vnd.cyclonedx+json";
const env = { SOURCE_DATE_EPOCH: "1700000000", LANG: "C.UTF-8" };

interface Node {
  readonly digest: string;
  readonly artifactType?: string;
  readonly created?: string;
  readonly platform?: { readonly architecture: string };
  readonly children: readonly Node[];
  readonly referrers: readonly Node[];
}

/** A layout with an index of two platforms, tagged v1. */
async function openImages(): Promise<Scene> {
  const scene = await openScene();
  await using store = await openLayout(scene.path("images"), { create: true });
  const children = [];
  for (const architecture of ["amd64", "arm64"]) {
    children.push({ ...(await pushImage(store, image(architecture))), platform: { os: "linux", architecture } });
  }
  await pushManifest(store, index(children), ["v1"]);
  await scene.write({ "app.cdx.json": SBOM, "docs/a.md": "a", "docs/b/c.md": "c" });
  return scene;
}

function succeeded(ran: Ran): Ran {
  assert.equal(ran.code, 0, ran.err);
  return ran;
}

test("attach, discover and pull: the file comes back byte for byte", async () => {
  await using scene = await openImages();
  const at = { cwd: scene.root, env };
  const args = ["--artifact-type", CYCLONEDX, "--platform", "linux/arm64", "-a", "by=test"];
  const dry = succeeded(
    await berth(["attach", "ocidir://images:v1", "app.cdx.json", ...args, "--dry-run", "--json"], at),
  );
  const before = await readFile(scene.path("images/index.json"), "utf8");
  const made = succeeded(await berth(["attach", "ocidir://images:v1", "app.cdx.json", ...args, "--json"], at));
  const { digest } = JSON.parse(made.out) as { digest: string };
  assert.equal((JSON.parse(dry.out) as { digest: string }).digest, digest);
  assert.ok(!before.includes(digest), "a dry run writes nothing");

  const found = JSON.parse(succeeded(await berth(["discover", "./images:v1", "--json"], at)).out) as Node;
  const arm = found.children.find(({ platform }) => platform?.architecture === "arm64");
  assert.deepEqual(
    arm?.referrers.map((node) => [node.digest, node.artifactType, node.created]),
    [[digest, CYCLONEDX, "2023-11-14T22:13:20Z"]],
  );
  assert.deepEqual(found.referrers, []);

  const pulled = succeeded(await berth(["pull", `ocidir://images@${digest}`, "-o", "out"], at));
  assert.match(pulled.out, /^written +app\.cdx\.json/);
  assert.deepEqual(await treeOf(scene.path("out")), { "app.cdx.json": SBOM });
});

test("discover draws a tree, with lines that the terminal can show", async () => {
  await using scene = await openImages();
  const at = { cwd: scene.root, env };
  const hostile = await berth(["attach", "./images:v1", "app.cdx.json", "--artifact-type", "a/\u001b[2J"], at);
  assert.equal(hostile.code, 2);
  assert.ok(!hostile.err.includes("\u001b"));
  succeeded(await berth(["attach", "./images:v1", "app.cdx.json", "--artifact-type", CYCLONEDX], at));
  const drawn = succeeded(await berth(["discover", "./images:v1"], at))
    .out.trimEnd()
    .split("\n");
  assert.equal(drawn.length, 4);
  assert.match(drawn[0] ?? "", /^ocidir:\/\/\.?\/?images:v1 +application\/vnd\.oci\.image\.index/);
  assert.match(drawn[1] ?? "", /^├── linux\/amd64 +sha256:[0-9a-f]{64} /);
  assert.match(drawn[3] ?? "", /^└── application\/vnd\.cyclonedx\+json +sha256:[0-9a-f]{64} .* 2023-11-14T22:13:20Z$/);
  const ascii = succeeded(
    await berth(["discover", "./images:v1"], { ...at, env: { LC_ALL: "C", LANG: "C.UTF-8" } }),
  ).out;
  assert.match(ascii, /^\|-- linux\/amd64/m);
  assert.match(ascii, /^`-- application/m);
});

test("push makes the layout; a folder and a file come back; a second pull writes nothing", async () => {
  await using scene = await openImages();
  const at = { cwd: scene.root, env };
  const push = [
    "push",
    "ocidir://bundle:v1",
    "docs",
    "app.cdx.json:text/plain",
    "--artifact-type",
    "application/vnd.example",
  ];
  const dry = succeeded(await berth([...push, "--dry-run"], at));
  const first = succeeded(await berth(push, at));
  assert.equal(first.out.trimEnd().split("\n").at(-1), dry.out.trimEnd().split("\n").at(-1));
  succeeded(await berth(["pull", "ocidir://bundle:v1", "-o", "out"], at));
  assert.deepEqual(await treeOf(scene.path("out")), {
    "app.cdx.json": SBOM,
    "docs/": "",
    "docs/a.md": "a",
    "docs/b/": "",
    "docs/b/c.md": "c",
  });
  const again = succeeded(await berth(["pull", "ocidir://bundle:v1", "-o", "out", "--json"], at));
  const { files } = JSON.parse(again.out) as { files: readonly { outcome: string; mediaType: string }[] };
  assert.deepEqual(
    files.map(({ outcome }) => outcome),
    ["unchanged", "unchanged"],
  );
  assert.equal(files[1]?.mediaType, "text/plain");
});

test("what is wrong is one sentence with its exit code, and nothing is written", async () => {
  await using scene = await openImages();
  const at = { cwd: scene.root, env };
  succeeded(await berth(["push", "ocidir://bundle:v1", "app.cdx.json"], at));
  await scene.write({ "out/app.cdx.json": "mine" });
  const before = await treeOf(scene.root);
  const digest = `sha256:${"0".repeat(64)}`;
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["pull", "ocidir://bundle:v1", "-o", "out"], 6, /Refused to overwrite "app\.cdx\.json"/],
    [["pull", "ocidir://images:v1", "-o", "out"], 2, /it is an index/],
    [["pull", "ocidir://bundle:v2", "-o", "new"], 3, /v2/],
    [["push", "ocidir://bundle:v1", "missing.txt"], 2, /No such file: .*missing\.txt/],
    [["push", "ocidir://bundle:v1", "app.cdx.json:json"], 2, /"json" is not a media type/],
    [["push", `ocidir://bundle@${digest}`, "app.cdx.json"], 2, /Expected a tag, not a digest/],
    [["push", "ocidir://bundle:v1", "app.cdx.json", "docs/../app.cdx.json"], 2, /two files titled/],
    [["attach", "ocidir://bundle:v1", "app.cdx.json"], 2, /Expected --artifact-type/],
    [["attach", "ocidir://none:v1", "app.cdx.json", "--artifact-type", "a/b"], 3, /none/],
    [["attach", `ocidir://bundle@${digest}`, "app.cdx.json", "--artifact-type", "a/b"], 3, /No manifest/],
    [["discover", "ocidir://bundle:none"], 3, /none/],
    [["discover", "ocidir://images:v1", "--platform", "linux/s390x"], 3, /has nothing for linux\/s390x/],
  ];
  for (const [args, code, message] of cases) {
    const ran = await berth(args, at);
    assert.deepEqual([ran.code, ran.out], [code, ""], `${args.join(" ")}: ${ran.err}`);
    assert.match(ran.err, message);
  }
  assert.deepEqual(await treeOf(scene.root), before);
  succeeded(await berth(["pull", "ocidir://bundle:v1", "-o", "out", "--force"], at));
  assert.equal(await readFile(scene.path("out/app.cdx.json"), "utf8"), SBOM);
});

test("progress is one JSON document a line", async () => {
  await using scene = await openImages();
  const ran = succeeded(
    await berth(["push", "ocidir://bundle:v1", "app.cdx.json", "--progress", "json"], { cwd: scene.root, env }),
  );
  const types = ran.err
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { type: string }).type);
  assert.deepEqual(types.filter((type) => type === "planned").length, 3);
  assert.equal(types.indexOf("plan-complete"), 3);
  assert.equal(types.filter((type) => type === "done").length, 3);
});
