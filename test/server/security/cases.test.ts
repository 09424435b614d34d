import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");
const FOLDER = "test/server/security";
/** A case's number or a public identifier, at the beginning of a test's name. */
const CASE = /^(?:[A-F]\d{1,2}|CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}|\w+ #\d+)\b/;

interface Row {
  readonly cases: string;
  readonly file: string;
  readonly name: string;
}

/** Rows whose fourth column is a file. */
function rowsOf(text: string): readonly Row[] {
  return text.split("\n").flatMap((line): Row[] => {
    const [, cases = "", , , file = "", name = ""] = line.split(" | ").length === 5 ? split(line) : [];
    return /^`test\/\S+\.ts`$/.test(file) ? [{ cases, file: file.slice(1, -1), name }] : [];
  });
}

function split(line: string): readonly string[] {
  return ["", ...line.replace(/^\| /, "").replace(/ \|$/, "").split(" | ")];
}

/** The names that a file gives to its tests and groups: without the medium, and … for what differs from run to run. */
function namesIn(source: string): readonly string[] {
  const found = source.matchAll(/\b(?:test|describe)\(\s*(["`])((?:(?!\1)[^\\]|\\.)*)\1/g);
  return [...found].map(([, , name = ""]) =>
    name
      .replace(/^\$\{medium\} /, "")
      .replaceAll(/\$\{[^}]*\}/g, "…")
      .replace(/^(?:layouts|depot) /, ""),
  );
}

const table = readFileSync(join(ROOT, "docs/security-cases.md"), "utf8");
const rows = rowsOf(table);

/** Faults that clients, libraries and signing tools had. */
const PUBLIC: readonly string[] = `
  2017-14992 2019-10214 2019-1020014 2020-15157 2020-27833 2021-20291 2021-21272 2021-21285 2021-29136
  2022-23649 2022-35929 2022-36056 2023-25656 2023-33957 2023-33958 2023-33959 2024-23332 2024-24579
  2024-24750 2024-29902 2024-29903 2024-3727 2025-24882 2025-32386 2026-22036 2026-22703 2026-23745
  2026-23950 2026-26960 2026-31802 2026-39395 2026-48758 2026-48816 2026-49349 2026-49834 2026-50151
  2026-50162 2026-50163 2026-50195 2026-53488 2026-59871 2026-59874 2026-59875 2026-59891 2026-73566
`
  .trim()
  .split(/\s+/)
  .map((number) => `CVE-${number}`);

describe("the table of cases", () => {
  test("is read whole", () => {
    const lines = table.split("\n").filter((line) => /^\| .*`test\//.test(line));
    assert.equal(rows.length, lines.length);
    assert.ok(rows.length > 70, `${rows.length} rows`);
  });

  test("names tests that are there, under these names, and their own cases", () => {
    const sources = new Map<string, readonly string[]>();
    for (const { file, name, cases } of rows) {
      const names = sources.get(file) ?? namesIn(readFileSync(join(ROOT, file), "utf8"));
      sources.set(file, names);
      assert.ok(names.includes(name), `${file} has no test ${JSON.stringify(name)}`);
      const [first = ""] = cases.split(/[, (]/);
      assert.ok(!CASE.test(name) || name.includes(first), `${cases} is not what ${JSON.stringify(name)} is about`);
    }
  });

  test("names every test of a case that lies beside this one, once", () => {
    for (const entry of readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".test.ts"))) {
      const file = `${FOLDER}/${entry}`;
      if (entry === "cases.test.ts") continue;
      for (const name of namesIn(readFileSync(join(ROOT, file), "utf8"))) {
        assert.match(name, CASE, `${file}: what case is ${JSON.stringify(name)}?`);
        const found = rows.filter((row) => row.file === file && row.name === name);
        assert.equal(found.length, 1, `${file}: ${JSON.stringify(name)} stands in ${found.length} rows`);
      }
    }
  });

  test("speaks of what clients, libraries and signing tools suffered from", () => {
    const spoken = new Set(rows.flatMap(({ cases }) => cases.split(", ")));
    for (const identifier of [...PUBLIC, "GHSA-vh4v-2xq2-g5cg", "GHSA-xm96-gfjx-jcrc", "go-containerregistry #2306"]) {
      assert.ok(spoken.has(identifier), identifier);
    }
    assert.ok(rows.filter(({ cases }) => cases.includes("H87")).length >= 15);
  });

  test("speaks of every number from A1 to C35 and from E47 to F69", () => {
    const spoken = new Set(rows.flatMap(({ cases }) => cases.match(/\b[A-F]\d+\b/g) ?? []));
    const numbers: readonly (readonly [string, number, number])[] = [
      ["A", 1, 10],
      ["B", 11, 23],
      ["C", 24, 35],
      ["E", 47, 59],
      ["F", 60, 69],
    ];
    for (const [letter, first, last] of numbers) {
      for (let at = first; at <= last; at++) assert.ok(spoken.has(`${letter}${at}`), `${letter}${at}`);
    }
  });
});
