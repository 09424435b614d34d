import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { openLayout } from "../../src/layout/open-layout.ts";
import { image, pushImage } from "../support/content.ts";
import { berth, shellCommand } from "./berth.ts";
import { imageLayout, layoutOf, workFolder } from "./fixture.ts";

const run = promisify(execFile);
const hasScript = spawnSync("script", ["--version"]).status === 0;
const noScript = hasScript ? false : "script not found on PATH: apt-get install bsdutils";

/** Runs a line on a real pseudo-terminal; stdout and stderr come together. */
async function onTerminal(line: string, cwd: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  const { stdout } = await run("script", ["-qec", line, "/dev/null"], {
    cwd,
    env: { PATH, HOME, TERM: "xterm", ...env },
    encoding: "utf8",
  });
  return stdout;
}

const ESC = "\u001b";

describe("on a terminal", { skip: noScript }, () => {
  test("results have colours, unless NO_COLOR, --no-color or a dumb terminal say otherwise", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    const line = `${shellCommand} layout fsck a`;
    assert.ok((await onTerminal(line, cwd)).includes(`${ESC}[32mclean`));
    for (const plain of [
      await onTerminal(line, cwd, { NO_COLOR: "1" }),
      await onTerminal(line, cwd, { TERM: "dumb" }),
      await onTerminal(`${line} --no-color`, cwd),
      (await berth(["layout", "fsck", "a"], { cwd })).out,
    ]) {
      assert.match(plain, /clean/);
      assert.ok(!plain.includes(ESC), JSON.stringify(plain));
    }
  });

  test("a copy draws its progress and takes it away; --quiet and --progress none draw nothing", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await layoutOf(join(cwd, "a"), 8 * 1024 * 1024, "v1");
    const shown = await onTerminal(`${shellCommand} copy ./a:v1 ./b`, cwd);
    assert.match(shown, /\r.\[2K\d\/\d\+?  [\d.]+ [KMi]*B of [\d.]+ [KMi]*B/);
    assert.ok(shown.indexOf("copied") > shown.lastIndexOf("\r\u001b[2K"), "the line is gone before the result");
    for (const option of ["--quiet", "--progress none"]) {
      const silent = await onTerminal(`${shellCommand} copy ./a:v1 ./c${option.length} ${option}`, cwd);
      assert.ok(!silent.includes(`${ESC}[2K`));
    }
  });

  test("what strangers wrote cannot drive the terminal", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const evil = `x${ESC}]0;owned\u0007${ESC}[2J\u202e\u009b1m`;
    await using store = await openLayout(join(cwd, "a"), { create: true });
    const parts = image("evil", { artifactType: "application/x", annotations: { title: evil } });
    await pushImage(store, parts, ["v1"]);
    const blob = (await berth(["blob", "put", "./a", "-"], { cwd, input: evil })).out.trim();
    const entry = { ...parts.manifest.descriptor, annotations: { "org.opencontainers.image.ref.name": evil } };
    await imageLayout(join(cwd, "named"), []);
    await writeFile(join(cwd, "named", "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry, entry] }));
    await writeFile(join(cwd, "m"), JSON.stringify({ schemaVersion: 2, mediaType: evil }));
    for (const line of [
      "manifest get ./a:v1",
      "manifest get ./a:v1 --json",
      "manifest get ./a:v1 --pretty",
      `blob get ./a@${blob}`,
      "layout fsck named",
      "discover ./a:v1",
      "digest $'./a:v1\\e]0;owned\\a'",
      "digest $'ocidir://no\\e[2Jwhere'",
      "manifest put ./a m || true",
      "$'\\e[2J'",
      "tag ls --$'\\e[2J' x",
    ]) {
      const shown = await onTerminal(
        `bash -c ${JSON.stringify(`${shellCommand} ${line}`).replaceAll("$", "\\$")} || true`,
        cwd,
        { NO_COLOR: "1" },
      );
      assert.notEqual(shown, "");
      // oxlint-disable-next-line no-control-regex -- only line breaks, carriage returns and tabs may be left
      assert.doesNotMatch(shown, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202e]/, line);
    }
  });
});

describe("in a pipe", () => {
  test("`| head -1` ends quietly and with 0", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const descriptor = manifest.descriptor;
    const manifests = Array.from({ length: 20_000 }, (_, at) => ({
      ...descriptor,
      annotations: { "org.opencontainers.image.ref.name": `t${String(at).padStart(6, "0")}` },
    }));
    await writeFile(join(cwd, "a", "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    for (const [line, first] of [
      ["tag ls ./a", "t000000\n"],
      ["completion bash", "# bash completion for berth\n"],
    ]) {
      const { stdout, stderr } = await run(
        "bash",
        ["-c", `${shellCommand} ${line} | head -1; echo "\${PIPESTATUS[0]}"`],
        { cwd },
      );
      assert.equal(stdout, `${first}0\n`);
      assert.equal(stderr, "");
    }
  });

  test("a full disk under standard output is exit code 8 and one sentence", async (t) => {
    if (process.platform !== "linux") {
      t.skip("there is no /dev/full");
      return;
    }
    const { stdout, stderr } = await run("bash", ["-c", `${shellCommand} completion bash >/dev/full; echo $?`]);
    assert.equal(stdout, "8\n");
    assert.match(stderr, /^berth: Cannot write the result: ENOSPC[^\n]*\n$/);
  });

  test("no HOME, and one that cannot be written, change nothing", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    for (const HOME of ["", "/nonexistent", "/proc"]) {
      const { code, out, err } = await berth(["digest", "./a"], { cwd, env: { HOME } });
      assert.deepEqual([code, out, err], [0, `${manifest.descriptor.digest}\n`, ""]);
    }
  });
});
