import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findViolations, importsOf, LAYERS } from "./layers.ts";

const root = join(import.meta.dirname, "../..");

function sources(): Map<string, string> {
  const files = globSync("**/*.ts", { cwd: join(root, "src") }).toSorted();
  return new Map(files.map((file) => [file, readFileSync(join(root, "src", file), "utf8")]));
}

function violations(files: Record<string, string>): string[] {
  return findViolations(new Map(Object.entries(files)));
}

describe("the source tree", () => {
  it("keeps to the layers and has no cycle", () => {
    const files = sources();
    assert.ok(files.size > 20, `only ${files.size} files were read`);
    assert.ok(
      [...files].flatMap(([file, source]) => importsOf(file, source)).length > files.size,
      "too few imports were seen",
    );
    assert.deepEqual(findViolations(files), []);
  });

  it("has the table that CONTRIBUTING.md shows", () => {
    const shown = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
    for (const [layer, folders] of LAYERS.entries()) {
      const row = new RegExp(`^\\| ${layer} \\|([^|]*)\\|`, "m").exec(shown)?.[1] ?? "";
      assert.deepEqual(row.match(/[a-z]+(?=\/)/g), [...folders], `layer ${layer} in CONTRIBUTING.md`);
    }
  });
});

describe("the check of the layers", () => {
  it("accepts imports downward, of siblings in the table and of the own folder", () => {
    const files = {
      "spec/a.ts": `import { b } from "../error/b.ts";`,
      "error/b.ts": "",
      "tar/c.ts": `import type { A } from "../spec/a.ts";\nimport { d } from "../bytes/d.ts";`,
      "bytes/d.ts": `import { own } from "./own.ts";`,
      "bytes/own.ts": "",
      "cli/commands/serve.ts": `const { openLayout } = await import("../../layout/layout.ts");`,
      "layout/layout.ts": "",
      "index.ts": `export { a } from "./spec/a.ts";`,
    };
    assert.deepEqual(violations(files), []);
  });

  for (const [name, file, imported, statement] of [
    ["upward", "spec/a.ts", "bytes/b.ts", `import { b } from "../bytes/b.ts";`],
    ["a type upward", "spec/a.ts", "bytes/b.ts", `import type { B } from "../bytes/b.ts";`],
    ["an inline type upward", "spec/a.ts", "bytes/b.ts", `export type A = import("../bytes/b.ts").B;`],
    ["dynamically upward", "spec/a.ts", "cli/b.ts", `const b = await import(\n  "../cli/b.ts"\n);`],
    ["upward over several lines", "store/a.ts", "layout/b.ts", `import {\n  one,\n  two,\n} from "../layout/b.ts";`],
    ["upward by re-export", "store/a.ts", "layout/b.ts", `export * from "../layout/b.ts";`],
    ["upward for its effect", "store/a.ts", "layout/b.ts", `import "../layout/b.ts";`],
    ["a sibling medium", "layout/a.ts", "remote/b.ts", `import { b } from "../remote/b.ts";`],
    ["a medium from a feature", "image/a.ts", "layout/b.ts", `import { b } from "../layout/b.ts";`],
    ["a technology from a feature", "server/a.ts", "blobs/memory.ts", `import { b } from "../blobs/memory.ts";`],
    ["a medium from the transfer", "transfer/a.ts", "remote/b.ts", `import { b } from "../remote/b.ts";`],
    ["another feature", "artifact/a.ts", "image/b.ts", `import { b } from "../image/b.ts";`],
    ["a medium from a command", "cli/commands/copy.ts", "layout/b.ts", `import { b } from "../../layout/b.ts";`],
    ["another technology", "blobs/directory.ts", "blobs/memory.ts", `import { b } from "./memory.ts";`],
    ["the other port", "names/memory.ts", "blobs/memory.ts", `import { b } from "../blobs/memory.ts";`],
    ["an area's entry file", "open/a.ts", "layout/index.ts", `import { b } from "../layout/index.ts";`],
    ["the entry file", "store/a.ts", "index.ts", `import { b } from "../index.ts";`],
  ] as const) {
    it(`refuses to import ${name}`, () => {
      const found = violations({ [file]: statement, [imported]: "" });
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", new RegExp(`^${file} .*${imported}`));
    });
  }

  it("finds a cycle of files, also one of types only", () => {
    const found = violations({
      "spec/a.ts": `import type { B } from "./b.ts";`,
      "spec/b.ts": `import { c } from "../error/c.ts";`,
      "error/c.ts": `export type { A } from "../spec/a.ts";`,
    });
    assert.deepEqual(found, ["Cycle: spec/a.ts → spec/b.ts → error/c.ts → spec/a.ts"]);
  });

  it("finds a file that is not there, a folder without a layer and an import that cannot be read", () => {
    assert.match(violations({ "spec/a.ts": `import "./gone.ts";` })[0] ?? "", /spec\/gone\.ts, which is not there/);
    assert.match(violations({ "extras/a.ts": "" })[0] ?? "", /folder extras has no layer/);
    assert.match(violations({ "cli/a.ts": "await import(name);" })[0] ?? "", /has to be a literal/);
    assert.match(violations({ "cli/a.ts": `import { copy } from "berth";` })[0] ?? "", /by its name/);
  });

  it("keeps process and console in cli/", () => {
    for (const statement of [
      "process.exit(1);",
      "console.log(1);",
      "globalThis.process.env;",
      `process["env"];`,
      `import { env } from "node:process";`,
    ]) {
      assert.match(violations({ "store/a.ts": statement })[0] ?? "", /belongs to cli/, statement);
      assert.deepEqual(violations({ "cli/a.ts": statement }), []);
    }
    assert.deepEqual(
      violations({
        "store/a.ts":
          "// The process.exit of others\nconst zlib = process.versions.zlib;\nconst inProcess = { process: 1 };",
      }),
      [],
    );
  });

  it("refuses junk drawers", () => {
    for (const file of ["spec/utils.ts", "spec/string-helpers.ts", "cli/common/a.ts", "cli/misc.ts"]) {
      assert.match(violations({ [file]: "" })[0] ?? "", /name the thing/, file);
    }
    assert.deepEqual(violations({ "spec/commonality.ts": "" }), []);
  });
});
