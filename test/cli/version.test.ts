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

test("berth version loads no argument parser, no client, no store", async () => {
  const child = startBerth(["version"], { env: { NODE_DEBUG: "esm,module" } });
  const { code, err } = await finish(child);
  assert.equal(code, 0);
  assert.match(err, /version\.ts/, "the loader tells what it loads");
  for (const heavy of ["commander", "undici", "tar-stream", "src/remote/", "src/layout/", "src/open/"]) {
    assert.ok(!err.includes(heavy), `${heavy} is not loaded`);
  }
});
