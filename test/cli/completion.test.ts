import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { table } from "../../src/cli/table.ts";
import { berth } from "./berth.ts";
import { workFolder } from "./fixture.ts";

const run = promisify(execFile);

/** What a real bash offers for a line, the cursor at its end. */
async function complete(script: string, words: readonly string[], cwd: string): Promise<readonly string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const program = `source ${script}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _berth; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await run("bash", ["--norc", "-uc", program], { cwd });
  assert.equal(stderr, "");
  return stdout.split("\n").filter((word) => word !== "");
}

describe("completion", () => {
  test("works in a real bash", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { out, code } = await berth(["completion", "bash"]);
    assert.equal(code, 0);
    const script = join(cwd, "completion.sh");
    await writeFile(script, out);
    await writeFile(join(cwd, "file.json"), "");
    const first = await complete(script, ["berth", ""], cwd);
    assert.deepEqual(
      first.toSorted(),
      [...new Set([...table.map(({ words }) => words.split(" ")[0] ?? ""), "help"])].toSorted(),
    );
    assert.deepEqual(await complete(script, ["berth", "cop"], cwd), ["copy"]);
    assert.deepEqual((await complete(script, ["berth", "tag", ""], cwd)).toSorted(), ["add", "ls", "mv", "rm"]);
    assert.deepEqual(await complete(script, ["berth", "tag", "ls", "--digest"], cwd), ["--digest-tags"]);
    assert.deepEqual(await complete(script, ["berth", "copy", "--dry"], cwd), ["--dry-run"]);
    assert.deepEqual(await complete(script, ["berth", "copy", "--progress", "j"], cwd), ["json"]);
    assert.deepEqual(await complete(script, ["berth", "copy", "--platform", ""], cwd), []);
    assert.deepEqual(await complete(script, ["berth", "copy", "--ca-file", "file"], cwd), ["file.json"]);
    assert.deepEqual(await complete(script, ["berth", "manifest", "put", "x", "fil"], cwd), ["file.json"]);
    assert.deepEqual(await complete(script, ["berth", "completion", ""], cwd), ["bash", "zsh", "fish"]);
  });

  for (const [shell, check] of [
    ["bash", ["-n"]],
    ["zsh", ["-n"]],
    ["fish", ["--no-execute"]],
  ] as const) {
    test(`${shell} takes its script`, async (t) => {
      const { out, code } = await berth(["completion", shell]);
      assert.equal(code, 0);
      for (const { words } of table) for (const word of words.split(" ")) assert.ok(out.includes(word), word);
      if (spawnSync(shell, ["--version"]).status !== 0) {
        t.skip(`${shell} not found on PATH: apt-get install ${shell}`);
        return;
      }
      const ran = spawnSync(shell, [...check], { input: out, encoding: "utf8" });
      assert.deepEqual([ran.status, ran.stderr], [0, ""]);
    });
  }

  test("--json carries the script", async () => {
    const { out } = await berth(["completion", "fish", "--json"]);
    const value = JSON.parse(out) as { shell: string; script: string };
    assert.equal(value.shell, "fish");
    assert.match(value.script, /complete -c berth/);
  });
});
