import { hash } from "node:crypto";
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";

import { workFolder } from "./fixture.ts";
import { inside } from "./inside.ts";

interface Listed {
  readonly files: readonly { readonly path: string; readonly layer: number }[];
}

describe("image files", () => {
  test("append, ls, cat, flatten, diff and rebase work together on a layout", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    for (const [name, text] of Object.entries({ one: "1\n", two: "2\n", app: "run\n" })) {
      await mkdir(join(cwd, name));
      await writeFile(join(cwd, name, name === "app" ? "run" : "release"), text);
    }
    const run = async (...args: string[]): Promise<string> => {
      const ran = await inside(args, { cwd });
      assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.err}`);
      return ran.out;
    };
    for (const base of ["one", "two"]) {
      await run(
        "image",
        "create",
        `ocidir://images:${base}`,
        "--layer",
        `./${base}:/etc`,
        "--platform",
        "linux/amd64",
        "-q",
      );
    }
    const append = ["image", "append", "ocidir://images:one", "-f", "./app:/app", "--tag", "v1"];
    const planned = await run(...append, "--dry-run", "-q");
    assert.equal(await run(...append, "-q"), planned);
    assert.equal(await run("image", "ls", "ocidir://images:v1"), "/app\n/app/run\n/etc\n/etc/release\n");
    const long = await run("image", "ls", "ocidir://images:v1", "/app", "*/release", "--long");
    assert.match(
      long,
      /^drwxr-xr-x 0:0 +0 1970-01-01T00:00:00Z #1 \/app\n-rw-r--r-- 0:0 +4 .* #1 \/app\/run\n.* #0 \/etc\/release\n$/,
    );
    const top = JSON.parse(await run("image", "ls", "ocidir://images:v1", "--layer", "1", "--json")) as Listed;
    assert.deepEqual(
      top.files.map(({ path, layer }) => [path, layer]),
      [
        ["/app", 1],
        ["/app/run", 1],
      ],
    );
    assert.equal(await run("image", "cat", "ocidir://images:v1", "/etc/release", "app/run"), "1\nrun\n");

    const rebase = [
      "image",
      "rebase",
      "ocidir://images:v1",
      "--old-base",
      "ocidir://images:one",
      "--new-base",
      "ocidir://images:two",
    ];
    await run(...rebase, "--tag", "v2");
    assert.equal(await run("image", "cat", "ocidir://images:v2", "/etc/release"), "2\n");
    await run("image", "flatten", "ocidir://images:v2", "--create", "./flat:v2");
    await run("image", "flatten", "ocidir://images:v2", "-o", "files.tar");
    const files = await readFile(join(cwd, "files.tar"), "latin1");
    assert.equal(await run("image", "flatten", "ocidir://images:v2", "-o", "-"), files);
    await run("image", "flatten", "ocidir://images:v2", "-o", "files.tar.gz", "--compression", "gzip");
    assert.equal(gunzipSync(await readFile(join(cwd, "files.tar.gz"))).toString("latin1"), files);
    const both = await inside(["image", "flatten", "ocidir://images:v2", "-o", "x", "--tag", "t"], { cwd });
    assert.equal(both.code, 2);
    assert.equal(
      await run("image", "diff", "ocidir://images:v2", "./flat:v2", "/", "--json").then(
        (out) => (JSON.parse(out) as { files: object }).files && "ok",
      ),
      "ok",
    );

    const diff = await inside(["image", "diff", "ocidir://images:v1", "./flat:v2", "--patch", "--exit-code"], { cwd });
    assert.equal(diff.code, 1);
    assert.match(diff.out, /files  0 added, 0 removed, 1 changed\n  ~ \/etc\/release  content\n[^]*-1\n[^]*\+2\n/);
    const same = await inside(["image", "diff", "ocidir://images:v1", "ocidir://images:v1", "--exit-code"], { cwd });
    assert.deepEqual([same.code, same.out], [0, "No difference\n"]);

    const check = ["image", "check-base", "ocidir://images:v1", "--base"];
    assert.equal((await inside([...check, "ocidir://images:one", "-q"], { cwd })).code, 0);
    const moved = await inside([...check, "ocidir://images:two", "-q"], { cwd });
    assert.deepEqual([moved.code, moved.out], [1, ""]);
  });

  test("inspect tells sizes, a Dockerfile, and the configuration's bytes", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await writeFile(join(cwd, "file"), "text");
    const create = [
      "image",
      "create",
      "ocidir://images:v1",
      "--layer",
      "file:/file",
      "--platform",
      "linux/amd64",
      "--cmd",
      "run",
    ];
    assert.equal((await inside(create, { cwd })).code, 0);
    const inspect = async (...args: string[]): Promise<string> => {
      const ran = await inside(["image", "inspect", "ocidir://images:v1", ...args], { cwd });
      assert.equal(ran.code, 0, ran.err);
      return ran.out;
    };
    assert.equal(await inspect("--dockerfile"), 'COPY file /file\nCMD ["run"]\n');
    const raw = await inspect("--raw");
    const manifest = await inside(["manifest", "get", "ocidir://images:v1"], { cwd });
    const { config } = JSON.parse(manifest.out) as { config: { digest: string } };
    assert.equal(`sha256:${hash("sha256", raw)}`, config.digest);
    const report = JSON.parse(await inspect("--sizes", "--json")) as { uncompressedSize: number; attached: [] };
    assert.deepEqual([report.uncompressedSize, report.attached], [2048, []]);
    assert.equal((JSON.parse(await inspect("--json")) as { uncompressedSize?: number }).uncompressedSize, undefined);
  });

  test("what is wrong is one sentence and the right code", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await writeFile(join(cwd, "file"), "text");
    const made = await inside(
      ["image", "create", "ocidir://images:v1", "--layer", "file:/file", "--platform", "linux/amd64"],
      { cwd },
    );
    assert.equal(made.code, 0, made.err);
    const v1 = "ocidir://images:v1";
    const wrong: readonly [readonly string[], number, RegExp][] = [
      [["cat", v1, "/gone"], 2, /There is no file "\/gone" in the image/],
      [["ls", v1, "/gone"], 2, /Nothing in .* is at \/gone/],
      [["ls", v1, "--layer", "7"], 2, /There is no layer "7": the image has 1/],
      [["append", v1, "--replace"], 2, /Expected a --layer/],
      [["rebase", v1, "--replace"], 2, /does not say what it is based on/],
      [["rebase", v1, "--replace", "--old-base", v1], 2, /does not say what it is based on/],
      [["mod", v1, "--tag", "x", "--layer-rm-created-by", "("], 2, /not a regular expression/],
      [["mod", v1, "--tag", "x", "--time", "from=x"], 2, /Invalid rule for times/],
      [["mod", v1, "--tag", "x", "--to-docker", "--to-oci"], 2, /Expected one of --to-docker and --to-oci/],
      [["mod", v1, "--tag", "x", "--to-docker", "--annotation", "a=b"], 1, /no place for annotations/],
    ];
    for (const [args, code, message] of wrong) {
      const ran = await inside(["image", ...args], { cwd });
      assert.equal(ran.code, code, `${args.join(" ")}: ${ran.err}`);
      assert.match(ran.err, message);
      assert.equal(ran.out, "");
    }
    assert.equal((await inside(["tag", "ls", "ocidir://images"], { cwd })).out, "v1\n");
  });
});
