import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { table } from "../../src/cli/table.ts";
import { berth, shellCommand } from "./berth.ts";

/** A wrong line, what stderr has to say, and the exit code where it is not 2. */
const wrong: readonly (readonly [line: readonly string[], says: RegExp, exit?: number])[] = [
  [["frobnicate"], /^berth: Unknown command 'frobnicate'\n/],
  [["coppy"], /Did you mean copy\? See: berth --help/],
  [["tag"], /^berth: Expected a command after "berth tag"\nhint: See: berth tag --help\n$/],
  [["tag", "lss"], /Unknown command 'lss'/],
  [["copy", "only-one"], /Missing required argument 'TARGET'/],
  [["digest", "a", "b"], /Too many arguments/],
  [["copy", "a", "b", "--bogus"], /Unknown option '--bogus'\nhint: .*See: berth copy --help/],
  [["copy", "a", "b", "--dry-rum"], /Did you mean --dry-run\?/],
  [["copy", "a", "b", "--concurrency", "0"], /Invalid value "0" for --concurrency: expected a number from 1 to 64/],
  [["copy", "a", "b", "--concurrency", "1e3"], /Invalid value "1e3"/],
  [["copy", "a", "b", "--platform"], /argument missing/],
  [["version", "--progress", "loud"], /Allowed choices are auto, tty, json, none/],
  [["completion", "tcsh"], /Invalid SHELL "tcsh": expected one of bash, zsh, fish/],
  [["digest", "oci:///abs"], /Write ocidir:\/\/\/abs for a layout directory, or oci:\/\/host\/repo for a registry/],
  [["digest", "https://ghcr.io/o/r"], /Write ghcr\.io\/o\/r/],
  [["digest", "Alpine"], /lower-case/],
  [["digest", "ocidir://x:no way"], /Invalid tag "no way"/],
  [["digest", "alpine@sha256:1"], /Invalid digest/],
  [["tag", "add", "ocidir://x:v1", "-bad"], /Unknown option '-bad'/],
  [["tag", "add", "ocidir://x:v1", "a b"], /Invalid tag "a b"/],
  [["blob", "get", "localhost:1/x"], /Expected a digest in localhost:1\/x\nhint: .*localhost:1\/x@sha256:…/],
  [["digest", "--username", "me", "alpine"], /--password-stdin is missing/],
  [["digest", "--password-stdin", "alpine"], /--username is missing/],
  [["digest", "--token-stdin", "-u", "me", "alpine"], /got both/],
  [["copy", "-u", "me", "--password-stdin", "a.example/x", "b.example/y"], /would go to a\.example and b\.example/],
];

describe("wrong usage", () => {
  for (const [line, says, exit = 2] of wrong) {
    test(`berth ${line.join(" ")}`, async () => {
      const { code, out, err } = await berth(line);
      assert.match(err, says);
      assert.match(err, /^berth: .+\nhint: .+\n$/s, "one sentence and one hint, no stack trace");
      assert.equal(out, "", "nothing on stdout");
      assert.equal(code, exit);
    });
  }

  test("--debug shows where an error came from", async () => {
    const { code, err } = await berth(["digest", "Alpine", "--debug"]);
    assert.equal(code, 2);
    assert.match(err, /code: NAME_INVALID/);
    assert.match(err, /at parseReference|at parseLocator/);
  });

  test("an archive that is not there is not found, whatever its spelling", async () => {
    for (const locator of ["oci-archive:x.tar:v1", "docker-archive:x.tar", "./x.tar.gz"]) {
      const { code, err } = await berth(["digest", locator]);
      assert.equal(code, 3);
      assert.match(err, /There is no archive at/);
    }
  });
});

describe("help", () => {
  test("berth, berth help and berth --help list every command on stdout", async () => {
    for (const line of [[], ["help"], ["--help"], ["-h"]]) {
      const { code, out, err } = await berth(line);
      assert.equal(code, 0);
      assert.equal(err, "");
      for (const { words } of table) assert.ok(out.includes(` ${words.split(" ")[0]} `), words);
    }
  });

  test("berth help tag and berth tag --help list the group", async () => {
    for (const line of [
      ["help", "tag"],
      ["tag", "--help"],
    ]) {
      const { code, out } = await berth(line);
      assert.equal(code, 0);
      assert.match(out, /ls .*List tags/);
    }
  });

  test("each command's help comes from the real program with its examples", async () => {
    for (const { words, load } of table) {
      const { command } = await load();
      const { code, out, err } = await berth([...words.split(" "), "--help"]);
      assert.equal(code, 0, `${words}: ${err}`);
      assert.doesNotMatch(out, /\(default: \[\]\)/);
      for (const { line } of command.examples) assert.ok(out.includes(line), `${words} shows ${line}`);
    }
  });
});

test("a working directory that was removed is one sentence and exit code 8", () => {
  const gone = 'mkdir "$0" && cd "$0" && rmdir "$0"';
  const path = join(tmpdir(), `berth-gone-${randomUUID()}`);
  const { status, stdout, stderr } = spawnSync("sh", ["-c", `${gone} && ${shellCommand} version`, path], {
    encoding: "utf8",
  });
  assert.deepEqual(
    [status, stdout, stderr],
    [
      8,
      "",
      "berth: The working directory does not exist any more\nhint: Change to a directory that does, and try again\n",
    ],
  );
});
