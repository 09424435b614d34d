import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { serve } from "../../src/server/serve.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { json, piece, pushBlob, pushManifest } from "../support/content.ts";
import { pushSampleGraph, type SampleGraph } from "../support/graph.ts";
import { workFolder } from "./fixture.ts";
import { inside as runHere } from "./inside.ts";

/** The JSON that a command line prints, which has to succeed. */
async function jsonHere(args: readonly string[], cwd: string): Promise<Record<string, unknown>> {
  const ran = await runHere([...args, "--json"], { cwd });
  assert.equal(ran.code, 0, ran.err);
  return JSON.parse(ran.out) as Record<string, unknown>;
}

async function sample(path: string, ...tags: readonly string[]): Promise<SampleGraph> {
  await using store = await openLayout(path, { create: true });
  const graph = await pushSampleGraph(store, tags[0] ?? "v1");
  await store.update(tags.slice(1).map((tag) => ({ tag, to: graph.root })));
  return graph;
}

describe("what a copy takes", () => {
  test("some platforms, sparse or stripped, but only on purpose", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const graph = await sample(join(cwd, "a"));
    const two = ["--platform", "linux/amd64", "--platform", "linux/arm64"];
    const unsaid = await runHere(["copy", "./a:v1", "./b", ...two], { cwd });
    assert.equal(unsaid.code, 2);
    assert.match(unsaid.err, /Expected --sparse/);
    const kept = await jsonHere(["copy", "./a:v1", "./kept", "--platform", "linux/arm64", "--sparse", "keep"], cwd);
    assert.equal(kept["digest"], graph.root.digest);
    const stripped = await jsonHere(
      ["copy", "./a:v1", "./stripped", "--platform", "linux/arm64", "--sparse", "strip"],
      cwd,
    );
    assert.notEqual(stripped["digest"], graph.root.digest);
    assert.deepEqual(
      (stripped["changes"] as { from: string; to: string }[]).map(({ from, to }) => [from, to]),
      [[graph.root.digest, stripped["digest"]]],
    );
    assert.deepEqual(
      (stripped["left"] as { digest: string }[]).map(({ digest }) => digest),
      [graph.referrers[0]?.digest],
    );
    const told = await runHere(["copy", "./a:v1", "./c", ...two, "--to-docker", "--sparse", "strip"], { cwd });
    assert.equal(told.code, 0, told.err);
    assert.match(told.out, /left with sha256:\w+: sha256:\w{64} \(application\/vnd\.cyclonedx\+json\)/);
    for (const wrong of [["--sparse", "keep"], ["--semver", "^1"], ["--explain"], ["--to-oci", "--to-docker"]]) {
      assert.equal((await runHere(["copy", "./a:v1", "./d", ...wrong], { cwd })).code, 2, wrong.join(" "));
    }
  });

  test("tags by expression and by range of versions", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await sample(join(cwd, "a"), "v1.0.0", "v1.1.0", "2.0.0", "latest", "v1.2.0-rc.1");
    const copied = await jsonHere(["copy", "./a", "./b", "--all-tags", "--semver", "^1", "--exclude", "v1.0.*"], cwd);
    assert.deepEqual((copied["named"] as string[]).at(-1), "v1.1.0");
    assert.equal((await runHere(["tag", "ls", "./b"], { cwd })).out, "v1.1.0\n");
    const none = await runHere(["copy", "./a", "./c", "--all-tags", "--include", "nothing"], { cwd });
    assert.equal(none.code, 3);
  });

  test("explains why each node belongs to the graph", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const graph = await sample(join(cwd, "a"));
    const { out } = await runHere(["copy", "./a:v1", "./b:v2", "--dry-run", "--explain"], { cwd });
    assert.match(out, /tag v1 → index sha256:\w+ → manifest linux\/arm64 sha256:\w+ → layer sha256:\w+\n/);
    assert.match(out, /→ referrer sha256:\w+ \(application\/vnd\.cyclonedx\+json, by index-entry\) → referrer/);
    assert.ok(out.includes(`(${graph.digestTags[0]})`));
    const plan = await jsonHere(["copy", "./a:v1", "./b:v2", "--dry-run", "--explain"], cwd);
    const steps = plan["steps"] as { role: string; path?: { role: string }[] }[];
    const signature = steps.find(({ path }) => path?.filter(({ role }) => role === "referrer").length === 2);
    assert.equal(signature?.path?.[0]?.role, "root");
  });

  test("goes to several targets at once, and tells of each", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const graph = await sample(join(cwd, "a"));
    const copied = await jsonHere(["copy", "./a:v1", "./b:one", "./c:two", "./d"], cwd);
    assert.equal(copied["digest"], graph.root.digest);
    assert.deepEqual(
      (copied["targets"] as { target: string; named: string[] }[]).map(({ target, named }) => [target, named.at(-1)]),
      [
        ["ocidir://./b:one", "one"],
        ["ocidir://./c:two", "two"],
        ["ocidir://./d", "v1"],
      ],
    );
    assert.equal((await jsonHere(["copy", "./b:one", "./a:v1"], cwd))["pushedBytes"], 0);
  });
});

describe("layers that lie elsewhere", () => {
  test("are listed, left, and fetched without credentials where that is asked for", async () => {
    const layer = piece("a layer of somebody else", MediaType.DockerForeignLayer);
    const asked: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(request.headers.authorization);
      if (request.url === "/layer") response.end(layer.bytes);
      else response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const address = elsewhere.address();
    assert.ok(address !== null && typeof address === "object");
    const origin = `http://127.0.0.1:${address.port}`;
    const registry = createMemoryRegistry();
    const server = await serve({ registry, host: "127.0.0.1", port: 0 });
    const { host } = new URL(server.url);
    await using folder = await workFolder();
    const cwd = folder.path;
    try {
      await using store = await openRemote({ host, repository: "app" });
      const config = json({ os: "windows", architecture: "amd64" }, MediaType.DockerConfig);
      await pushBlob(store, config);
      const urls = [`${origin}/locked`, `${origin}/layer`];
      const manifest = json(
        {
          schemaVersion: 2,
          mediaType: MediaType.DockerManifest,
          config: config.descriptor,
          layers: [{ ...layer.descriptor, urls }],
        },
        MediaType.DockerManifest,
      );
      await pushManifest(store, manifest, ["v1"]);
      const left = await jsonHere(["copy", `${host}/app:v1`, "./without"], cwd);
      assert.deepEqual(left["external"], [{ descriptor: layer.descriptor, urls, outcome: "left" }]);
      assert.deepEqual(asked, []);
      const fetched = await jsonHere(["copy", `${host}/app:v1`, "./with", "--include-external"], cwd);
      assert.deepEqual(fetched["external"], [{ descriptor: layer.descriptor, urls, outcome: "fetched" }]);
      assert.deepEqual(asked, [undefined, undefined]);
      await using target = await openLayout(join(cwd, "with"));
      assert.ok(await target.exists(layer.descriptor, { kind: "blob" }));
      // From a layout nothing leads to this machine.
      const refused = await runHere(["copy", "./without:v1", "./again", "--include-external"], { cwd });
      assert.equal(refused.code, 3);
      assert.match(refused.err, /plain http/);
    } finally {
      await server.close(0);
      elsewhere.close();
    }
  });
});
