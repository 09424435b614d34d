import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { parse } from "../../src/cli/program.ts";
import { everywhere } from "../../src/cli/shared-options.ts";
import { groups, table } from "../../src/cli/table.ts";

const commandsDirectory = new URL("../../src/cli/commands/", import.meta.url);

describe("the command table", () => {
  test("names every file under commands/ once, and nothing else", () => {
    const files = readdirSync(commandsDirectory, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => file.slice(0, -".ts".length).replaceAll(/[/\\]/g, " "));
    assert.deepEqual(table.map(({ words }) => words).toSorted(), files.toSorted());
  });

  test("has no file of more than 150 lines", () => {
    for (const file of readdirSync(commandsDirectory, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const lines = readFileSync(new URL(file, commandsDirectory), "utf8").split("\n").length - 1;
      assert.ok(lines <= 150, `${file} has ${lines}`);
    }
  });

  test("knows what each of its groups is about", () => {
    const used = new Set(table.filter(({ words }) => words.includes(" ")).map(({ words }) => words.split(" ")[0]));
    assert.deepEqual([...used].toSorted(), Object.keys(groups).toSorted());
  });

  for (const { words, summary, load } of table) {
    test(`berth ${words} has help, two real examples, --json, and --dry-run where it writes`, async () => {
      const { command } = await load();
      assert.match(summary, /^[A-Z].*[^.]$/);
      assert.ok(command.examples.length >= 2);
      const lines = command.examples.map(({ line }) => line);
      assert.equal(new Set(lines).size, lines.length, "each example shows something else");
      for (const line of lines) {
        assert.ok(line.includes(`berth ${words}`), `${line} shows berth ${words}`);
        assertParses(line, words, command);
      }
      assert.equal("dryRun" in command.options, command.writes, "--dry-run where it writes, and only there");
      const shared = Object.keys(everywhere).filter((key) => key in command.options);
      assert.deepEqual(shared, [], "what every command has is not declared again");
      const help = parse([...words.split(" "), "--help"], { words, command });
      assert.equal(help.kind, "help");
      const text = help.kind === "help" ? help.text : "";
      assert.ok(text.includes(summary), "the help begins with the summary");
      assert.match(text, /--json/);
      for (const line of lines) assert.ok(text.includes(line), "the help shows the example");
    });
  }
});

type Loaded = Awaited<ReturnType<(typeof table)[number]["load"]>>["command"];

/** An example has to be a line that the parser takes. */
function assertParses(line: string, words: string, command: Loaded): void {
  const start = line.indexOf(`berth ${words}`) + "berth ".length;
  const argv = splitWords(line.slice(start));
  const parsed = parse(argv, { words, command });
  assert.equal(parsed.kind, "run");
  if (parsed.kind !== "run") return;
  for (const [key, option] of Object.entries(command.options)) {
    try {
      option.read(parsed.options[key]);
    } catch (error) {
      assert.fail(`${line}: ${isOciError(error) ? error.message : "cannot be read"}`);
    }
  }
}

/** Splits like a shell as far as examples need it: quotes, substitutions as one word, and the end at a pipe. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/(?:"[^"]*"|'[^']*'|\$\([^)]*\)|[^\s"'$]|\$(?!\())+/g)) {
    const [word] = match;
    if (word === "|" || word === ">" || word === "&&") break;
    words.push(word.replaceAll(/["']/g, ""));
  }
  return words;
}
