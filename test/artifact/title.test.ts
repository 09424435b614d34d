import assert from "node:assert/strict";
import { join, normalize } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { checkDistinct, parseTitle } from "../../src/artifact/title.ts";
import { isOciError } from "../../src/error/oci-error.ts";

const hostile: readonly string[] = [
  "",
  ".",
  "./",
  "./.",
  "..",
  "../x",
  "a/../x",
  "a/../../x",
  "a/..",
  "/etc/x",
  "./../x",
  ".//x",
  "a//b",
  "a/",
  "a/./b",
  "C:\\x",
  "C:x",
  "a\\..\\x",
  "a\0b",
  "a\nb",
  "\u001b[2Jx",
  "x".repeat(300),
  `${"x/".repeat(3000)}x`,
];

for (const title of hostile) {
  test(`refuses the title ${JSON.stringify(title.slice(0, 30))}`, () => {
    assert.throws(
      () => parseTitle(title),
      (error) => isOciError(error, "FILE_INVALID"),
    );
  });
}

test("takes ordinary titles apart", () => {
  assert.deepEqual(parseTitle("a.txt"), ["a.txt"]);
  assert.deepEqual(parseTitle("./docs/ä b..c/…txt"), ["docs", "ä b..c", "…txt"]);
  assert.deepEqual(parseTitle("..."), ["..."]);
});

test("whatever is taken stays below the directory it is joined to", () => {
  const piece = fc.oneof(fc.constantFrom("..", ".", "", "/", "a", "..\\", "C:", "\0"), fc.string());
  const title = fc.oneof(
    fc.string(),
    fc.array(piece).map((parts) => parts.join("/")),
  );
  fc.assert(
    fc.property(title, (text) => {
      let parts: readonly string[];
      try {
        parts = parseTitle(text);
      } catch (error) {
        assert.ok(isOciError(error, "FILE_INVALID"));
        return;
      }
      const path = join("/output", ...parts);
      assert.ok(path.startsWith("/output/") && path.length > "/output/".length);
      assert.equal(normalize(path), path);
    }),
    { numRuns: 2000 },
  );
});

test("refuses two files of one title, and a file below a file", () => {
  const refused = (error: unknown): boolean => isOciError(error, "FILE_INVALID");
  assert.throws(() => {
    checkDistinct([["a"], ["b"], ["a"]]);
  }, refused);
  assert.throws(() => {
    checkDistinct([["a", "b"], ["a"]]);
  }, refused);
  checkDistinct([["a", "b"], ["a", "c"], ["ab"]]);
});
