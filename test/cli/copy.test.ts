import assert from "node:assert/strict";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ERROR_FACTS } from "../../src/error/code.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { pushSampleGraph } from "../support/graph.ts";
import { berth } from "./berth.ts";
import { filesBelow, imageLayout, layoutOf, workFolder } from "./fixture.ts";

describe("copy", () => {
  test("shows the plan and writes nothing, then copies, then has nothing to copy", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const { digest } = manifest.descriptor;
    const dry = await berth(["copy", "./a:v1", "./b:v2", "--dry-run"], { cwd });
    assert.equal(dry.code, 0, dry.err);
    const lines = dry.out.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.split(/\s+/, 2).join(" ")),
      ["link config", "link layer", "push root", "tag v2", "Would copy"],
    );
    assert.match(lines[0] ?? "", /the target lacks it$/);
    assert.deepEqual(
      (await filesBelow(cwd)).filter((name) => name.startsWith("b")),
      [],
    );
    const plan = JSON.parse((await berth(["copy", "./a:v1", "./b:v2", "--dry-run", "--json"], { cwd })).out) as {
      steps: { type: string }[];
      totals: unknown;
    };
    assert.deepEqual(plan.totals, { push: 1, mount: 0, link: 2, skip: 0, bytes: manifest.descriptor.size, tags: 1 });
    assert.equal(plan.steps.length, 4);

    const first = await berth(["copy", "./a:v1", "./b:v2"], { cwd });
    assert.equal(first.code, 0, first.err);
    assert.match(
      first.out,
      new RegExp(`^${digest}\n3 copied \\(2 linked\\), 0 skipped, .* to ocidir://\\./b:v2; wrote the tag v2\n$`),
    );
    const again = await berth(["copy", "./a:v1", "./b:v2"], { cwd });
    assert.match(again.out, /^sha256:.*\nNothing to copy: ocidir:\/\/\.\/b:v2 has all of it \(3 nodes, /);
    const idle = await berth(["copy", "./a:v1", "./b:v2", "--dry-run"], { cwd });
    assert.match(idle.out, /Nothing would be copied/);
    const json = JSON.parse((await berth(["copy", "./a:v1", "./b:v2", "--json"], { cwd })).out) as Record<
      string,
      unknown
    >;
    assert.deepEqual(json["nodes"], { push: 0, mount: 0, link: 0, skip: 3 });
    assert.equal(json["digest"], digest);
  });

  test("gives a layout the source's tag, written or the only one there is", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const sources = { b: "./a:v1", c: "./a", d: `./a@${manifest.descriptor.digest}` };
    for (const [target, source] of Object.entries(sources)) {
      const ran = await berth(["copy", source, `./${target}`], { cwd });
      assert.equal(ran.code, 0, ran.err);
      const { out } = await berth(["tag", "ls", `./${target}`], { cwd });
      assert.equal(out, target === "d" ? "" : "v1\n");
    }
  });

  test("a damaged source gets no tag; its damage is repaired as the hint says", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { layer } = await layoutOf(join(cwd, "a"), 1000, "v1");
    await layoutOf(join(cwd, "whole"), 1000, "v1");
    const file = join(cwd, "a/blobs/sha256", layer.descriptor.digest.slice("sha256:".length));
    for (const [mode, hint] of [
      [0o444, /fsck/],
      [0o644, /fetch it again/],
    ] as const) {
      await chmod(file, 0o644);
      await writeFile(file, Buffer.alloc(1000, "x"));
      await chmod(file, mode);
      const ran = await berth(["copy", "./a:v1", "./b:v1"], { cwd });
      assert.equal(ran.code, 5);
      assert.match(ran.err, hint);
      assert.doesNotMatch(ran.err, /lower-case hex/);
      assert.equal((await berth(["tag", "ls", "./b"], { cwd })).out, "");
    }
    assert.match(ERROR_FACTS.CONTENT_DAMAGED.hint, /remove the damaged files from blobs and copy/);
    await rm(file);
    assert.equal((await berth(["copy", "./whole:v1", "./a:v1"], { cwd })).code, 0);
    assert.equal((await berth(["layout", "fsck", "./a"], { cwd })).code, 0);
  });

  test("brings the whole graph, or what the options say", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const graph = await (async () => {
      await using store = await openLayout(join(cwd, "a"), { create: true });
      return await pushSampleGraph(store, "v1");
    })();
    const count = async (...options: readonly string[]): Promise<{ copied: number; tags: string }> => {
      await rm(join(cwd, "b"), { recursive: true, force: true });
      const ran = await berth(["copy", "./a:v1", "./b", "--json", ...options], { cwd });
      assert.equal(ran.code, 0, ran.err);
      const { nodes } = JSON.parse(ran.out) as { nodes: { push: number; link: number } };
      return {
        copied: nodes.push + nodes.link,
        tags: (await berth(["tag", "ls", "./b", "--digest-tags"], { cwd })).out,
      };
    };
    const whole = await count();
    assert.equal(whole.tags, `${graph.digestTags[0]}\nv1\n`);
    const bare = await count("--no-referrers");
    assert.equal(bare.tags, "v1\n");
    const sbom = await count("--artifact-type", "application/vnd.cyclonedx+json");
    assert.equal(sbom.tags, "v1\n");
    const one = await count("--platform", "linux/arm64", "--no-referrers");
    assert.ok(whole.copied > sbom.copied && sbom.copied > bare.copied && bare.copied > one.copied);
    const wrong = await berth(["copy", "./a:v1", "./c", "--platform", "plan9/mips"], { cwd });
    assert.equal(wrong.code, 3);
    assert.match(wrong.err, /plan9\/mips.*linux\/amd64, linux\/arm64/);
  });

  test("--all-tags copies each tag under its own name", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1", "v2", "v3"]);
    assert.equal((await berth(["copy", "./a", "./b", "--all-tags"], { cwd })).code, 0);
    assert.equal((await berth(["tag", "ls", "./b"], { cwd })).out, "v1\nv2\nv3\n");
  });

  test("a digest in the target is a promise that is held before anything moves", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const wrong = await berth(["copy", "./a:v1", `./b:v1@sha256:${"0".repeat(64)}`], { cwd });
    assert.equal(wrong.code, 5);
    assert.deepEqual(
      (await filesBelow(cwd)).filter((name) => name.startsWith("b")),
      [],
    );
    const right = await berth(["copy", "./a:v1", `./b@${manifest.descriptor.digest}`], { cwd });
    assert.equal(right.code, 0, right.err);
    assert.equal((await berth(["tag", "ls", "./b"], { cwd })).out, "");
  });

  test("a missing source leaves no target behind; a layout that a bare word does not mean gets a hint", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    assert.equal((await berth(["copy", "./a:v9", "./b"], { cwd })).code, 3);
    assert.deepEqual(
      (await filesBelow(cwd)).filter((name) => name.startsWith("b")),
      [],
    );
    await imageLayout(join(cwd, "localhost:1", "x"), ["v1"]);
    const hinted = await berth(["digest", "localhost:1/x:v1"], { cwd });
    assert.equal(hinted.code, 7);
    assert.match(hinted.err, /There is a layout localhost:1\/x here: write ocidir:\/\/localhost:1\/x:v1 for it/);
  });

  test("--progress json is one JSON document a line on stderr, the result alone on stdout, --quiet silences it", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    const { out, err } = await berth(["copy", "./a:v1", "./b", "--progress", "json", "--json"], { cwd });
    const events = err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    assert.deepEqual([...new Set(events.map(({ type }) => type))].toSorted(), [
      "done",
      "named",
      "plan-complete",
      "planned",
      "progress",
    ]);
    assert.equal((JSON.parse(out) as { digest: string }).digest.length, 71);
    const failed = await berth(["copy", "./a:v9", "./b", "--progress", "json"], { cwd });
    const last = JSON.parse(failed.err.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([last["type"], last["code"], failed.code], ["error", "MANIFEST_UNKNOWN", 3]);
    const quiet = await berth(["copy", "./a:v1", "./c", "--progress", "json", "-q"], { cwd });
    assert.equal(quiet.err, "");
  });
});
