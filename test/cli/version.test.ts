import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { berth, finish, startBerth } from "./berth.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};

test("berth version, --version and -V say the package's version", async () => {
  for (const line of [["version"], ["--version"], ["-V"], ["version", "--no-color", "-q"]]) {
    const { code, out, err } = await berth(line);
    assert.equal(code, 0);
    assert.equal(err, "");
    assert.equal(out, `berth ${version} (node ${process.versions.node}, ${process.platform}-${process.arch})\n`);
  }
});

test("berth version --json is JSON", async () => {
  const { code, out } = await berth(["version", "--json"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    version,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  });
});

/** Makes Node tell every module that it loads, on stderr. */
const tellModules = `data:text/javascript,${encodeURIComponent(
  'import { registerHooks } from "node:module"; registerHooks({ load(url, context, next) { process._rawDebug(url); return next(url, context); } });',
)}`;

test("berth version loads no argument parser, no client, no store", async () => {
  const env = { NODE_OPTIONS: `--import=${tellModules}` };
  const plain = await finish(startBerth(["version"], { env }));
  const heavy = await finish(startBerth(["version", "--help"], { env }));
  assert.match(heavy.err, /commander/, "the modules are told");
  assert.match(plain.err, /commands\/version\.ts/);
  assert.doesNotMatch(plain.err, /commander|tar-stream|src\/(?:remote|layout|open|transfer|graph|server)\//);
  assert.ok(plain.err.trim().split("\n").length <= 20, "and little else");
});
