import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { berth } from "../cli/berth.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { serve } from "../cli/served.ts";

const root = join(import.meta.dirname, "../..");

/** The fenced blocks of the page that a test runs, in order. */
async function blocks(): Promise<string[]> {
  const page = await readFile(join(root, "docs/registry.md"), "utf8");
  return [...page.matchAll(/<!-- ci:registry -->\n```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
}

test("docs/registry.md: upkeep beside a server, a backup of it, and what the backup is served as", async (t) => {
  if (spawnSync("sqlite3", ["-version"]).error) {
    t.skip("sqlite3 not found on PATH: apt-get install sqlite3");
    return;
  }
  await using folder = await workFolder();
  const cwd = folder.path;
  const bin = join(cwd, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "berth"), `#!/bin/sh\nexec "${process.execPath}" "${root}/bin/berth.js" "$@"\n`);
  await chmod(join(bin, "berth"), 0o755);
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` };
  const sh = (script: string): string => {
    const run = spawnSync("sh", ["-ec", script], { cwd, env, encoding: "utf8" });
    assert.equal(run.status, 0, `${script}\n${run.stdout}\n${run.stderr}`);
    return run.stdout;
  };
  const [upkeep = "", backup = "", rebuild = "", ...more] = await blocks();
  assert.deepEqual(more, []);

  const { manifest } = await imageLayout(join(cwd, "images"), ["v1"]);
  await mkdir(join(cwd, "registry"));
  await using server = await serve(["registry"], cwd);
  const pushed = await berth(["copy", "./images:v1", `${server.host}/team/app:v1`], { cwd });
  assert.equal(pushed.code, 0, pushed.err);
  assert.match(sh(upkeep), /3 blobs .* read, 0 damaged/);
  sh(backup);
  for (const again of [false, true]) {
    await using restored = await serve(["backup"], cwd);
    const back = await berth(["digest", `${restored.host}/team/app:v1`], { cwd });
    assert.equal(back.out, `${manifest.descriptor.digest}\n`, back.err);
    await restored.stop("SIGTERM");
    if (again) break;
    await rm(join(cwd, "backup/.berth"), { recursive: true });
    assert.match(sh(rebuild), /^Read 1 repository: 1 tag added/);
  }
});
