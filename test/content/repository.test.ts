import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { removeRepository } from "../../src/content/remove-repository.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside as berth } from "../cli/inside.ts";
import { image, pushImage, toArray } from "../support/content.ts";
import { pushSampleGraph, readWhole } from "../support/graph.ts";
import { servedRegistry } from "./served.ts";

test("removing a repository takes the tags and all that they lead to, and nothing of its neighbour", async () => {
  await using store = createMemoryStore();
  const { root, children, referrers } = await pushSampleGraph(store, "v1");
  await pushImage(store, image("alone"), ["v2"]);
  const dry = await removeRepository(store, { dryRun: true });
  assert.deepEqual(dry.tags.slice(-2), ["v1", "v2"]);
  assert.equal((await toArray(store.tags())).length, 3, "a dry run removes nothing");
  const removed = await removeRepository(store);
  assert.deepEqual(removed, dry);
  const went = new Set(removed.manifests.map(({ digest }) => digest));
  for (const { digest } of [root, ...children, ...referrers]) {
    assert.ok(went.has(digest), digest);
    await assert.rejects(store.resolve({ digest }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
  }
  assert.deepEqual(await toArray(store.tags()), []);
});

describe("repo", () => {
  test("cp brings every tag with its graph from a layout to a registry and back, filtered where asked", async () => {
    await using folder = await workFolder();
    await using server = await servedRegistry();
    const cwd = folder.path;
    const path = join(cwd, "a");
    let whole = new Set<string>();
    {
      await using store = await openLayout(path, { create: true });
      const { root } = await pushSampleGraph(store, "1.0.0");
      whole = await readWhole(store, root);
      await pushImage(store, image("two"), ["1.1.0", "nightly"]);
    }
    const there = await berth(["repo", "cp", "./a", `${server.host}/org/app`, "--json"], { cwd });
    assert.equal(there.code, 0, there.err);
    assert.deepEqual(JSON.parse(there.out).tags, ["1.0.0", "1.1.0", "nightly"]);
    const dry = await berth(["repo", "cp", `${server.host}/org/app`, "./b", "--dry-run"], { cwd });
    assert.match(dry.out, /Would copy \d+/);
    const back = await berth(["repo", "cp", `${server.host}/org/app`, "./b", "--semver", "^1"], { cwd });
    assert.equal(back.code, 0, back.err);
    assert.match(back.out, /^2 tags, 2 new or moved; /);
    await using copy = await openLayout(join(cwd, "b"));
    const root = await copy.resolve({ tag: "1.0.0" });
    assert.deepEqual((await readWhole(copy, root)).intersection(whole).size, whole.size);
    assert.equal((await berth(["tag", "ls", "./b"], { cwd })).out, "1.0.0\n1.1.0\n");
    const rest = await berth(["repo", "cp", "./a", "./b", "--new-tags", "--format", "tags"], { cwd });
    assert.equal(rest.out, "nightly\n");
    assert.equal((await berth(["repo", "cp", "./a:nightly", "./c"], { cwd })).code, 2);
  });

  test("ls lists a host, a part of its names, a folder of layouts and one layout", async () => {
    await using folder = await workFolder();
    await using server = await servedRegistry();
    const cwd = folder.path;
    for (const name of ["app", "org/app", "org/tool"]) {
      await imageLayout(join(cwd, "all", name), ["v1"]);
      const copied = await berth(["repo", "cp", `./all/${name}`, `${server.host}/${name}`], { cwd });
      assert.equal(copied.code, 0, copied.err);
    }
    for (const source of [server.host, `docker://${server.host}`, "./all", "ocidir://all"]) {
      assert.equal((await berth(["repo", "ls", source], { cwd })).out, "app\norg/app\norg/tool\n", source);
    }
    assert.equal((await berth(["repo", "ls", `${server.host}/org/`], { cwd })).out, "org/app\norg/tool\n");
    const filtered = ["--include", "org/.*", "--exclude", ".*/tool"];
    assert.equal((await berth(["repo", "ls", "./all", ...filtered], { cwd })).out, "org/app\n");
    const page = await berth(["repo", "ls", server.host, "--last", "app", "--limit", "1", "--json"], { cwd });
    assert.deepEqual(JSON.parse(page.out), { repositories: ["org/app"] });
    assert.equal((await berth(["repo", "ls", "./all/app"], { cwd })).out, "app\n");
    assert.equal((await berth(["repo", "ls", "no_host"], { cwd })).code, 2);
    assert.equal((await berth(["repo", "ls", "./nothing"], { cwd })).code, 3);
  });

  test("rm wants --yes, shows what would go, and empties a repository of either medium", async () => {
    await using folder = await workFolder();
    await using server = await servedRegistry();
    const cwd = folder.path;
    {
      await using store = await openLayout(join(cwd, "a"), { create: true });
      await pushSampleGraph(store, "v1");
    }
    const target = `${server.host}/app`;
    await berth(["repo", "cp", "./a", target], { cwd });
    for (const place of ["./a", target]) {
      assert.equal((await berth(["repo", "rm", place], { cwd })).code, 2);
      const dry = await berth(["repo", "rm", place, "--dry-run"], { cwd });
      assert.match(
        dry.out,
        /^tag {6}sha256-.*\ntag {6}v1\nmanifest sha256:[^]*\nWould remove 2 tags and 7 manifests from /,
      );
      const removed = await berth(["repo", "rm", place, "--yes"], { cwd });
      assert.match(removed.out, /^Removed 2 tags and 7 manifests from /, removed.err);
      assert.equal((await berth(["tag", "ls", place, "--digest-tags"], { cwd })).out, "");
    }
  });
});
