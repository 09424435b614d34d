import assert from "node:assert/strict";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { parseNamePattern } from "../../src/spec/name-pattern.ts";

test("a star stays within a part, two cross parts, everything else is itself", () => {
  const cases: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
    ["team/app", ["team/app"], ["team/app2", "team/ap", "x/team/app", "team/app/x"]],
    ["team/*", ["team/app", "team/a.b"], ["team", "team/app/cache"]],
    ["team/**", ["team/app", "team/app/cache"], ["team", "teams/app"]],
    ["*-cache", ["a-cache"], ["a/b-cache", "a-cache-b"]],
    ["**", ["a", "a/b/c"], []],
    ["a.b", ["a.b"], ["axb"]],
  ];
  for (const [pattern, yes, no] of cases) {
    const matches = parseNamePattern(pattern);
    for (const name of yes) assert.equal(matches(name), true, `${pattern} ${name}`);
    for (const name of no) assert.equal(matches(name), false, `${pattern} ${name}`);
  }
});

test("what no name could hold is refused", () => {
  for (const bad of ["", "UPPER", "a***", "a b", "(a)", "a[b]", "*".padEnd(300, "a"), "*a".repeat(9)]) {
    assert.throws(
      () => parseNamePattern(bad),
      (error) => isOciError(error, "USAGE"),
      bad,
    );
  }
});
