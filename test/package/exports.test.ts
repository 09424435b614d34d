import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { ERROR_FACTS } from "../../src/error/code.ts";

const root = join(import.meta.dirname, "../..");

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const entries = Object.entries(manifest.exports).filter(([name]) => name !== "./package.json");

/** The entry file in src/ that an exports key stands for. */
function sourceOf(name: string): string {
  return join("src", name, "index.ts");
}

describe("package.json", () => {
  it("exports exactly the entry files that are there", () => {
    const there = globSync("src/**/index.ts", { cwd: root }).map((file) => dirname(file).replace(/^src/, "."));
    assert.deepEqual(entries.map(([name]) => name).toSorted(), there.toSorted());
  });

  it("points every entry at what is built from its file", () => {
    for (const [name, entry] of entries) {
      const built = sourceOf(name).replace(/^src/, "./dist").replace(/\.ts$/, "");
      assert.deepEqual(entry, { types: `${built}.d.ts`, default: `${built}.js` });
    }
  });

  it("names entries whose modules load and export something", async () => {
    for (const [name] of entries) {
      const module: unknown = await import(join(root, sourceOf(name)));
      assert.ok(module !== null && typeof module === "object" && Object.keys(module).length > 0, name);
      assert.ok(!("default" in module), `${name} has a default export`);
    }
  });

  it("publishes the pages that its hints name", () => {
    const named = Object.values(ERROR_FACTS).flatMap(({ hint }) => hint.match(/docs\/[\w./-]+\.md/g) ?? []);
    assert.ok(named.length > 0);
    for (const page of named) {
      assert.ok(existsSync(join(root, page)), page);
      assert.ok(
        manifest.files.some((file) => page === file || page.startsWith(`${file}/`)),
        `${page} is published`,
      );
    }
  });

  it("publishes its program and its documents, and they are there", () => {
    for (const file of [...Object.values(manifest.bin), ...manifest.files.filter((file) => file !== "dist")]) {
      assert.ok(existsSync(join(root, file)), file);
    }
  });
});
