import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

const root = join(import.meta.dirname, "../..");

/** What each example prints, in the order of the page. */
const PRINTED = [
  "index of 2",
  "/app 0\n/app/hello.txt 6\nhello\n\n1",
  "application/vnd.cyclonedx+json: 1 file",
  "200",
  "team/app",
  // 2 manifests, 2 configs, 1 layer of both and their index; the SBOM's manifest, empty config and file.
  "9 of 9 pushed",
  "v1",
  "latest\nv1",
  "clean",
  "true release",
  "rule released is not met: signature\ntrue",
  "401",
  "true",
];

describe("docs/library.md", () => {
  let folder: string;
  let page: string;

  before(async () => {
    page = await readFile(join(root, "docs/library.md"), "utf8");
    folder = await mkdtemp(join(tmpdir(), "berth-library-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules/berth"));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test("every example runs as it is written, and compiles", async () => {
    const examples = [...page.matchAll(/<!-- ci:library -->\n```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
    assert.equal(examples.length, PRINTED.length);
    const files = examples.map((_, at) => `example-${at + 1}.mts`);
    for (const [at, example] of examples.entries()) {
      await writeFile(join(folder, files[at] ?? ""), example);
      const run = spawnSync(process.execPath, [files[at] ?? ""], { cwd: folder, encoding: "utf8" });
      assert.equal(run.status, 0, `${example}\n${run.stderr}`);
      assert.equal(run.stdout, `${PRINTED[at]}\n`, example);
    }
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2024",
      "--lib",
      "es2024,esnext,dom",
    ];
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const check = spawnSync(process.execPath, [compiler, ...options, ...types, ...files], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.equal(check.status, 0, check.stdout + check.stderr);
  });

  test("every entry of the package is in an example", async () => {
    const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { exports: object };
    const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
    for (const entry of entries) assert.match(page, new RegExp(`from "berth${entry.slice(1)}"`));
  });
});
