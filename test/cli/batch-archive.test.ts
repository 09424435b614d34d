import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream, watch } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readTar } from "../../src/tar/read.ts";
import { readAll } from "../support/content.ts";
import { imageLayout, workFolder } from "./fixture.ts";
import { inside } from "./inside.ts";

interface Report {
  readonly done: number;
  readonly failed: number;
  readonly jobs: readonly { name: string; status: string; result?: object; error?: { code: string } }[];
}

/** Runs jobs and counts how often an archive was written: each time there is a temporary file of another name. */
async function counted(cwd: string, jobs: readonly string[], ...options: readonly string[]) {
  await writeFile(join(cwd, "jobs.json"), JSON.stringify(jobs));
  const names = new Set<string>();
  const watcher = watch(cwd, (_event, name) => {
    if (name !== null) names.add(name);
    if (name === "sentinel") watcher.emit("seen");
  });
  try {
    const ran = await inside(["run", "jobs.json", "--json", ...options], { cwd });
    const seen = once(watcher, "seen");
    await writeFile(join(cwd, "sentinel"), String(names.size));
    await seen;
    const writes = (archive: string): number =>
      [...names].filter((name) => name.startsWith(`.${archive}.`) && name.endsWith(".tmp")).length;
    return { ...ran, report: JSON.parse(ran.out) as Report, writes };
  } finally {
    watcher.close();
  }
}

const digestAt = async (cwd: string, locator: string): Promise<string> => {
  const ran = await inside(["digest", locator], { cwd });
  return ran.code === 0 ? ran.out.trim() : `exit ${ran.code}`;
};

/** Everything in the archive is there, and nothing that nobody needs. */
async function requireWhole(cwd: string, archive: string): Promise<void> {
  const copied = await inside(["repo", "cp", `oci-archive:${archive}`, `ocidir://whole-${archive}`], { cwd });
  assert.equal(copied.code, 0, copied.err);
  const reached = await readdir(join(cwd, `whole-${archive}`, "blobs", "sha256"));
  const held: string[] = [];
  let listed = "";
  for await (const { entry, content } of readTar(createReadStream(join(cwd, archive)))) {
    if (entry.path === "index.json") listed = (await readAll(content())).toString();
    if (/^blobs\/sha256\/./.test(entry.path)) held.push(entry.path.slice("blobs/sha256/".length));
  }
  assert.deepEqual(
    held.filter((digest) => !reached.includes(digest) && !listed.includes(digest)),
    [],
  );
}

describe("jobs that write one archive", () => {
  test("write it once, all that succeeded is in it and nothing of what failed", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const tags = Array.from({ length: 12 }, (_, at) => `t${at}`);
    for (const tag of tags) await imageLayout(join(cwd, tag), [tag]);
    await imageLayout(join(cwd, "lost"), ["lost"]);
    await writeFile(join(cwd, "s.json"), "{}");
    const jobs = [
      ...tags.map((tag) => `copy ./${tag} oci-archive:all.tar:${tag}`),
      // It has brought its content to the archive when it fails.
      "copy ./lost oci-archive:all.tar:lost oci:./jobs.json:x",
      "copy ./t0 oci-archive:one.tar:v1",
    ];
    const ran = await counted(cwd, jobs, "--continue-on-error", "--parallel", "4");
    assert.equal(ran.code, 9, ran.err);
    assert.deepEqual([ran.report.done, ran.report.failed], [13, 1]);
    assert.equal(ran.writes("all.tar"), 1);
    assert.equal(ran.writes("one.tar"), 1);
    for (const tag of tags) {
      assert.equal(await digestAt(cwd, `oci-archive:all.tar:${tag}`), await digestAt(cwd, `./${tag}:${tag}`));
    }
    assert.equal(await digestAt(cwd, "oci-archive:all.tar:lost"), "exit 3");
    const lost = await digestAt(cwd, "./lost:lost");
    assert.equal(await digestAt(cwd, `oci-archive:all.tar@${lost}`), "exit 3");
    await requireWhole(cwd, "all.tar");
    assert.deepEqual(
      (await readdir(cwd)).filter((name) => /^\.(?:all|one)/.test(name)),
      [],
    );
  });

  test("see in their order what those before them did, as with a layout; the archive that is there is kept", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await writeFile(join(cwd, "s.json"), "{}");
    assert.equal((await inside(["copy", "./a:v1", "oci-archive:x.tar:old"], { cwd })).code, 0);
    const jobs = [
      "copy ./a:v1 oci-archive:x.tar:v1",
      ...["one", "two", "three"].map((by) => `attach oci-archive:x.tar:v1 s.json --artifact-type a/b -a by=${by}`),
      "discover oci-archive:x.tar:v1",
      "tag mv oci-archive:x.tar:v1 v2",
      "copy oci-archive:x.tar:v2 ./out:v2",
      "tag rm oci-archive:x.tar:nothing",
      "tag rm oci-archive:x.tar:old",
    ];
    const ran = await counted(cwd, jobs, "--continue-on-error", "--parallel", "1");
    assert.deepEqual(
      ran.report.jobs.map(({ status }) => status),
      ["done", "done", "done", "done", "done", "done", "done", "failed", "done"],
      ran.err,
    );
    assert.equal(ran.writes("x.tar"), 1);
    const found = ran.report.jobs[4]?.result as { referrers: readonly object[] };
    assert.equal(found.referrers.length, 3);
    assert.equal((await inside(["tag", "ls", "oci-archive:x.tar"], { cwd })).out, "v2\n");
    const shown = await inside(["discover", "oci-archive:x.tar:v2", "--format", "length(referrers)"], { cwd });
    assert.equal(shown.out.trim(), "3");
    assert.equal((await inside(["discover", "./out:v2", "--format", "length(referrers)"], { cwd })).out.trim(), "3");
    await requireWhole(cwd, "x.tar");
  });

  test("attach to one subject side by side: each is listed, and no list that was in between is left", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await writeFile(join(cwd, "s.json"), "{}");
    assert.equal((await inside(["copy", "./a:v1", "oci-archive:x.tar:v1"], { cwd })).code, 0);
    const jobs = Array.from(
      { length: 9 },
      (_, at) => `attach oci-archive:x.tar:v1 s.json --artifact-type a/b -a by=${at}`,
    );
    const ran = await counted(cwd, jobs, "--parallel", "4");
    assert.equal(ran.code, 0, ran.err);
    assert.equal(ran.writes("x.tar"), 1);
    const shown = await inside(["discover", "oci-archive:x.tar:v1", "--format", "length(referrers)"], { cwd });
    assert.equal(shown.out.trim(), "9");
    await requireWhole(cwd, "x.tar");
  });

  test("all fail where it cannot be written, and say so; others are done", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    const jobs = [
      "copy ./a:v1 oci-archive:x.tar:v1",
      // It takes the archive's place before that is written.
      "copy ./a:v1 ocidir://x.tar:v1",
      "copy ./a:v1 oci-archive:x.tar:v2",
      "copy ./a:v1 ./b",
    ];
    const ran = await counted(cwd, jobs, "--continue-on-error", "--parallel", "1");
    assert.deepEqual(
      ran.report.jobs.map(({ status }) => status),
      ["failed", "done", "failed", "done"],
      ran.err,
    );
  });
});
