import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createContext, Script } from "node:vm";
import { isMediaType } from "../../../src/spec/descriptor.ts";
import { isDigest } from "../../../src/spec/digest.ts";
import { isRepositoryName, isTag } from "../../../src/spec/name.ts";
import { isHost } from "../../../src/spec/reference.ts";

const root = join(import.meta.dirname, "../../..");

/** A regular expression where one can stand; comments are gone before. */
const LITERAL =
  /(?<=[=(,:?[&|!]\s*|^\s*|return )\/(?![*/])((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+)\/([dgimsuvy]*)/gm;
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

interface Found {
  readonly file: string;
  readonly expression: RegExp;
}

function expressionsOf(folder: string): Found[] {
  return globSync(`src/${folder}/*.ts`, { cwd: root })
    .toSorted()
    .flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").replaceAll(COMMENT, "").matchAll(LITERAL)].map((match) => ({
        file,
        expression: new RegExp(match[1] ?? "", (match[2] ?? "").replace(/[gy]/g, "")),
      })),
    );
}

const PREFIXES = ["", "a", "bytes=", "sha256:", '"', "0-"];
const PIECES = [
  "a",
  "A",
  "0",
  "-",
  "_",
  "__",
  ".",
  "/",
  "a-",
  "a_",
  "a.",
  "a__",
  "a/",
  "a+a",
  "=",
  ",",
  " ",
  "\t",
  "\\",
  '"',
  "%",
  "%41",
  "W/",
  '"a",',
  ":",
  "a:",
  "*",
  "\u0000",
  "é",
  "\n",
  "[",
  "{",
  "0.",
  "1e",
];
const ENDS = ["", "!", "/", "\n"];
/** At this length what grows with the square takes minutes, and what is linear no millisecond. */
const LENGTH = 300_000;
const INTERRUPTED_AFTER = 10_000;
const script = new Script("expression.test(text)");
const context = createContext({ expression: /x/, text: "" });

function explodes(expression: RegExp, text: string, timeout: number = INTERRUPTED_AFTER): boolean {
  context["expression"] = expression;
  context["text"] = text;
  try {
    script.runInContext(context, { timeout });
    return false;
  } catch {
    return true;
  }
}

/** Texts that begin like what is expected, go on with one thing, and end badly. */
function* attacks(): Generator<{ readonly name: string; readonly text: string }> {
  for (const prefix of PREFIXES) {
    for (const piece of PIECES) {
      for (const end of ENDS) {
        yield {
          name: [prefix, `${piece}…`, end].map((part) => JSON.stringify(part)).join(" + "),
          text: prefix + piece.repeat(Math.ceil(LENGTH / piece.length)) + end,
        };
      }
    }
  }
}

for (const folder of ["spec", "server"]) {
  test(`A8, ReDoS: no expression of src/${folder} explodes over long texts`, () => {
    const found = expressionsOf(folder);
    assert.ok(found.length > 8, `${found.length} expressions were found`);
    for (const { name, text } of attacks()) {
      for (const { file, expression } of found) {
        assert.ok(!explodes(expression, text), `${file}: ${expression} over ${name}`);
      }
    }
  });
}

test("A8, ReDoS: what guards a name, a digest, a type or a host looks at the length first", () => {
  for (const piece of PIECES) {
    const text = piece.repeat(LENGTH);
    for (const guard of [isRepositoryName, isTag, isDigest, isMediaType, isHost]) assert.equal(guard(text), false);
  }
});

test("A8, ReDoS: an expression that explodes is told from one that does not", () => {
  const text = `${"a".repeat(LENGTH)}!`;
  assert.equal(explodes(/^[a-z]+$/, text), false);
  assert.equal(explodes(/a*b/, text, 1000), true);
});
