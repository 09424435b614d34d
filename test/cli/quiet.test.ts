import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { berth } from "./berth.ts";
import { imageLayout, workFolder } from "./fixture.ts";

const DIGEST = /^sha256:[0-9a-f]{64}\n$/;
const TYPE = ["--artifact-type", "application/vnd.example"];

test("with --quiet, what makes something prints its digest alone; without, the digest is the last line", async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "a"), ["v1"]);
  await writeFile(join(cwd, "f.txt"), "f");
  await mkdir(join(cwd, "app"));
  const lines: readonly (readonly string[])[] = [
    ["push", "./b:v1", "f.txt", ...TYPE],
    ["attach", "./a:v1", "f.txt", ...TYPE],
    ["image", "create", "./c:v1", "--layer", "app:/app"],
    ["image", "mod", "./c:v1", "--tag", "v2", "--label", "a=b"],
    ["image", "mod", "./c:v2", "--replace", "--label", "a=b"],
  ];
  for (const line of lines) {
    const at = { cwd, env: { SOURCE_DATE_EPOCH: "0" } };
    const dry = await berth([...line, "--dry-run", "-q"], at);
    const quiet = await berth([...line, "-q"], at);
    assert.match(quiet.out, DIGEST, line.join(" "));
    assert.equal(dry.out, quiet.out, line.join(" "));
    const told = (await berth(line, at)).out.trimEnd().split("\n");
    assert.ok(told.length > 1, line.join(" "));
    assert.equal(`${told.at(-1)}\n`, quiet.out, line.join(" "));
  }
  assert.match((await berth(["copy", "./a:v1", "./d", "-q"], { cwd })).out, DIGEST);
  assert.equal((await berth(["copy", "./a", "./e", "--all-tags", "-q"], { cwd })).out, "");
  assert.equal((await berth(["pull", "./b:v1", "-o", "out", "-q"], { cwd })).out, "");
  assert.equal((await berth(["layout", "init", "./new", "-q"], { cwd })).out, "");
  assert.equal((await berth(["layout", "fsck", "./a", "-q"], { cwd })).out, "");
  const json = await berth(["push", "./b:v1", "f.txt", ...TYPE, "-q", "--json"], { cwd });
  assert.equal((JSON.parse(json.out) as { blobs: unknown[] }).blobs.length, 2);
});

test("push tells of every file, also of those with equal content", async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  const names = ["a", "b", "c", "d"];
  for (const name of names) await writeFile(join(cwd, name), name === "d" ? "other" : "same");
  const told = (await berth(["push", "./x:v1", ...names], { cwd })).out.trimEnd().split("\n").slice(0, -1);
  assert.deepEqual(
    told.map((line) => line.split(/ +/).slice(0, 2)),
    names.map((name) => ["pushed", name]),
  );
  const json = await berth(["push", "./x:v1", ...names, "--json"], { cwd });
  const { blobs } = JSON.parse(json.out) as { blobs: readonly { title?: string; existed: boolean }[] };
  assert.deepEqual(
    blobs.flatMap(({ title, existed }) => (title === undefined ? [] : [[title, existed]])),
    names.map((name) => [name, true]),
  );
});
