import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { berth } from "./berth.ts";
import { filesBelow, workFolder } from "./fixture.ts";

const create = ["image", "create", "ocidir://images:v1", "--layer", "./dist:/app", "--platform", "linux/amd64"];

describe("image", () => {
  test("create, mod and inspect work on a layout; dry runs tell the same and write nothing", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "dist"));
    await writeFile(join(cwd, "dist", "run"), "#!/bin/sh\n", { mode: 0o755 });
    const args = [...create, "--platform", "linux/arm64", "--entrypoint", '["/app/run","-v"]', "--env", "A=b=c"];
    const dry = await berth([...args, "--dry-run"], { cwd });
    assert.equal(dry.code, 0, dry.err);
    assert.deepEqual(
      (await filesBelow(cwd)).filter((name) => name.startsWith("images")),
      [],
    );
    const made = await berth(args, { cwd });
    assert.equal(made.code, 0, made.err);
    assert.equal(made.out, dry.out);
    const digest = made.out.trim().split("\n").at(-1);
    assert.match(digest ?? "", /^sha256:[0-9a-f]{64}$/);
    const dated = await berth([...args, "--dry-run"], { cwd, env: { SOURCE_DATE_EPOCH: "86400" } });
    assert.notEqual(dated.out, dry.out);

    const change = [
      "image",
      "mod",
      "ocidir://images:v1",
      "--label",
      "k=v",
      "--env-rm",
      "A",
      "--platform",
      "linux/arm64",
    ];
    const planned = await berth([...change, "--replace", "--dry-run"], { cwd });
    assert.equal(planned.code, 0, planned.err);
    assert.equal((await berth(["digest", "ocidir://images:v1"], { cwd })).out.trim(), digest);
    const changed = await berth([...change, "--replace"], { cwd });
    assert.equal(changed.out, planned.out);
    assert.equal(
      (await berth(["digest", "ocidir://images:v1"], { cwd })).out.trim(),
      changed.out.trim().split("\n").at(-1),
    );
    const away = await berth(["image", "mod", `ocidir://images@${digest}`, "--user", "me", "--create", "./other:v2"], {
      cwd,
    });
    assert.equal(away.code, 0, away.err);

    const shown = await berth(["image", "inspect", "ocidir://images:v1", "--platform", "linux/arm64", "--json"], {
      cwd,
    });
    const report = JSON.parse(shown.out) as { run: { entrypoint: string[]; labels: object; env: string[] } };
    assert.deepEqual(report.run.entrypoint, ["/app/run", "-v"]);
    assert.deepEqual([report.run.labels, report.run.env], [{ k: "v" }, []]);
    const other = await berth(["image", "inspect", "./other:v2"], { cwd });
    assert.match(other.out, /index of 2[^]*linux\/amd64[^]*user: +me[^]*linux\/arm64[^]*user: +me/);
  });

  test("what is wrong comes out as one sentence and the right code, and nothing is named", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "dist"));
    await writeFile(join(cwd, "text"), "no tar");
    const wrong: readonly [readonly string[], number, RegExp][] = [
      [["--layer", "./gone:/x"], 2, /Cannot read ".*gone": there is no such file/],
      [["--layer", "text"], 5, /Cannot take ".*text" as a layer: Invalid tar/],
      [["--cmd", '["a"'], 2, /Invalid value .* for --cmd/],
      [["--expose", "99999"], 2, /Invalid port "99999"/],
      [["--created", "soon"], 2, /Invalid time "soon"/],
      [["--owner", "root"], 2, /Invalid owner "root"/],
      [["--workdir", "app"], 2, /must be an absolute path/],
      [["--layer", "linux/s390x=./dist:/x"], 2, /which is none of the platforms/],
    ];
    for (const [args, code, message] of wrong) {
      const ran = await berth([...create, ...args], { cwd });
      assert.equal(ran.code, code, `${args.join(" ")}: ${ran.err}`);
      assert.match(ran.err, message);
      const tags = await berth(["tag", "ls", "ocidir://images"], { cwd });
      assert.equal(tags.out, "");
    }
    const both = await berth(["image", "mod", "ocidir://images:v1", "--replace", "--tag", "v2"], { cwd });
    assert.equal(both.code, 2);
  });
});
