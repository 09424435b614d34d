import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const bundle = join(root, "dist/cli");

/** What loads in a moment, or is loaded already when a program starts. */
const LIGHT = /^node:(?:events|fs|fs\/promises|module|os|path|process|util)$/;

function importsOf(file: string): string[] {
  const source = readFileSync(join(bundle, file), "utf8");
  const lines = source.matchAll(/^(?:import .*|.*[.]getBuiltinModule[(])"([^"]+)"[)]?;$/gm);
  return [...lines].map(([, id = ""]) => id);
}

describe("what a start loads", () => {
  for (const [file, known] of [
    ["main.js", ["./start.js"]],
    ["start.js", []],
    ["program.js", ["./start.js"]],
    ["commands.js", ["./start.js"]],
  ] as const) {
    test(`${file} imports nothing that is slow to load`, () => {
      const imports = importsOf(file);
      assert.notEqual(imports.length, 0);
      const slow = imports.filter((id) => !LIGHT.test(id) && !known.some((allowed) => allowed === id));
      assert.deepEqual(slow, [], `import it where it is used: await import(...) inside run`);
    });
  }

  test("a server loads its figures only where they are asked for", () => {
    const loaded = new Set<string>();
    const waiting = ["serve.js", "server.js", "gate.js"];
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (loaded.has(file)) continue;
      loaded.add(file);
      const source = readFileSync(join(bundle, file), "utf8");
      const imports = [...source.matchAll(/^(?:import|export) (?:.* from )?"([^"]+)";$/gm)].map(([, id = ""]) => id);
      assert.ok(!imports.includes("prom-client"), `${file} imports prom-client`);
      waiting.push(...imports.filter((id) => id.startsWith("./")).map((id) => id.slice(2)));
    }
    assert.ok(loaded.size > 3, "imports were found at all");
    const files = globSync("*.js", { cwd: bundle });
    assert.ok(files.some((file) => importsOf(file).includes("prom-client")));
  });

  for (const words of [["version"], ["--help"], ["copy", "--help"], ["digest", "-"]]) {
    test(`berth ${words.join(" ")} runs to its end`, () => {
      const run = spawnSync(process.execPath, [join(root, "bin/berth.js"), ...words], { input: "", encoding: "utf8" });
      assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: 0, stderr: "" });
      assert.notEqual(run.stdout, "");
    });
  }

  test("every worker thread lies beside the bundle's other files", () => {
    const files = globSync("**/*-thread.ts", { cwd: join(root, "src") });
    const entries = files.filter((file) => readFileSync(join(root, "src", file), "utf8").includes("parentPort"));
    const threads = entries.map((file) => basename(file, ".ts"));
    assert.notEqual(threads.length, 0);
    const bundled = new Set(globSync("*.js", { cwd: bundle }).map((file) => basename(file, ".js")));
    assert.deepEqual(
      threads.filter((thread) => !bundled.has(thread)),
      [],
    );
  });
});
