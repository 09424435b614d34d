import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseFormat } from "../../src/cli/expression.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { imageLayout, workFolder } from "./fixture.ts";
import { inside as berth } from "./inside.ts";

const VALUE = {
  digest: "sha256:ab",
  size: 7,
  absent: undefined,
  tags: ["v1", "v2"],
  children: [{ digest: "sha256:c", n: 1 }, { digest: "sha256:d" }],
};

describe("--format", () => {
  for (const [expression, printed] of [
    ["digest", "sha256:ab\n"],
    ["tags", "v1\nv2\n"],
    ["children[].digest", "sha256:c\nsha256:d\n"],
    ["size", "7\n"],
    ["children[].n", "[1]\n"],
    ["children[?n].{d: digest}", '[{"d":"sha256:c"}]\n'],
    ["length(children)", "2\n"],
    ["join(',', tags)", "v1,v2\n"],
    ["absent", ""],
    ["tags[5:]", ""],
    ["`false`", "false\n"],
  ] as const) {
    test(`${expression} prints ${JSON.stringify(printed)}`, () => {
      assert.equal(parseFormat(expression, 0)(VALUE), printed);
    });
  }

  test("is one clear error where it is no expression, before anything is done", () => {
    for (const wrong of ["a.[", "digest(", "", "nofunction(digest)", "children[].nofunction(n)", "a".repeat(5000)]) {
      assert.throws(
        () => parseFormat(wrong, 0),
        (error) => isOciError(error, "USAGE"),
        wrong,
      );
    }
    assert.throws(
      () => parseFormat("length(size)", 0)(VALUE),
      (error) => isOciError(error, "USAGE") && /length\(\)/.test(error.message),
    );
  });

  test("works on every command that prints a result, and a wrong one stops a command that writes", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const head = await berth(["manifest", "head", "./a", "--format", "digest"], { cwd });
    assert.equal(head.out, `${manifest.descriptor.digest}\n`, head.err);
    const got = await berth(["manifest", "get", "./a", "--format", "content.layers[].size"], { cwd });
    assert.deepEqual(
      JSON.parse(got.out),
      JSON.parse(Buffer.from(manifest.bytes).toString()).layers.map((l: { size: number }) => l.size),
    );
    const wrong = await berth(["tag", "add", "./a:v1", "v2", "--format", "nofunction(@)"], { cwd });
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /^berth: Cannot use --format "nofunction\(@\)": unknown function nofunction\(\)\nhint: /);
    assert.equal((await berth(["tag", "ls", "./a"], { cwd })).out, "v1\n");
  });
});
