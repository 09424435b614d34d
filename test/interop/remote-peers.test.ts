import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { createHosts, type Hosts } from "../../src/remote/hosts.ts";
import { openRemote, openRemoteRegistry } from "../../src/remote/open-remote.ts";
import { storedCredentials } from "../../src/remote/stored-credentials.ts";
import type { Store } from "../../src/store/store.ts";
import { failsWith } from "../contract/context.ts";
import { blob, image, pushBlob, pushImage, pushManifest, readAll, toArray } from "../support/content.ts";
import { type DockerRegistry, missing, startDockerRegistry } from "../support/docker-registry.ts";
import { pushSampleGraph } from "../support/graph.ts";

const absent = missing("docker-registry");

async function run(home: string, program: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: home, DOCKER_CONFIG: join(home, ".docker") };
  const { stdout } = await promisify(execFile)(program, args, { env, maxBuffer: 16 * 1024 * 1024 });
  return stdout.trim();
}

describe("docker-registry with a password", { skip: absent }, () => {
  let registry: DockerRegistry;
  let hosts: Hosts;
  let home: string;

  before(async () => {
    registry = await startDockerRegistry({ auth: true });
    hosts = createHosts();
    home = await mkdtemp(join(tmpdir(), "berth-peers-"));
    const auth = Buffer.from("ann:s3cret").toString("base64");
    await writeFile(join(home, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  });
  after(async () => {
    await hosts[Symbol.asyncDispose]();
    await registry.close();
    await rm(home, { recursive: true, force: true });
  });

  function store(repository: string): Promise<Store> {
    const credentials = storedCredentials({ env: { DOCKER_CONFIG: home } });
    return openRemote({ host: registry.host, repository, hosts, credentials });
  }

  test("refuses us without it, and takes a push, a pull and a mount with it", async () => {
    const stranger = await openRemote({ host: registry.host, repository: "team/app", hosts });
    await failsWith(stranger.resolve({ tag: "v1" }), "UNAUTHORIZED");
    const [app, other] = await Promise.all([store("team/app"), store("team/other")]);
    const root = await pushImage(app, image("with a password"), ["v1"]);
    assert.equal((await app.resolve({ tag: "v1" })).digest, root.digest);
    const layer = blob("shared layer");
    await pushBlob(app, layer);
    assert.equal(await other.exists(layer.descriptor, { kind: "blob" }), false);
    assert.equal(await other.mount?.(layer.descriptor, app.location), "mounted");
    assert.deepEqual(await readAll(other.fetch(layer.descriptor, { kind: "blob" })), Buffer.from(layer.bytes));
  });

  test("a large blob goes through in one piece and in chunks", async () => {
    const whole = await store("team/large");
    const credentials = storedCredentials({ env: { DOCKER_CONFIG: home } });
    const chunked = await openRemote({
      host: registry.host,
      repository: "team/chunked",
      hosts,
      credentials,
      chunkSize: 3_000_000,
    });
    const part = blob(Buffer.alloc(10_000_000, "large "));
    for (const target of [whole, chunked]) {
      await pushBlob(target, part);
      assert.deepEqual(await readAll(target.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
    }
  });

  test("lists what was pushed", async () => {
    const credentials = storedCredentials({ env: { DOCKER_CONFIG: home } });
    await using all = await openRemoteRegistry({ host: registry.host, credentials });
    await pushImage(await all.repository("listed/one"), image("listed"), ["v1"]);
    assert.ok((await toArray(all.repositories({ prefix: "listed/" }))).includes("listed/one"));
    assert.deepEqual([await all.has("listed/one"), await all.has("listed/none")], [true, false]);
  });
});

describe("what we push to docker-registry", { skip: absent }, () => {
  let registry: DockerRegistry;
  let home: string;
  let store: Store;
  let name: string;
  let graph: Awaited<ReturnType<typeof pushSampleGraph>>;

  before(async () => {
    registry = await startDockerRegistry();
    home = await mkdtemp(join(tmpdir(), "berth-peers-"));
    name = `${registry.host}/team/graph`;
    store = await openRemote({ host: registry.host, repository: "team/graph" });
    graph = await pushSampleGraph(store, "v1");
    for (const referrer of graph.referrers) {
      const bytes = await readAll(store.fetch(referrer));
      await pushManifest(store, { descriptor: referrer, bytes });
    }
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await registry.close();
    await rm(home, { recursive: true, force: true });
  });

  test("comes back whole: children, referrers by their fallback tag, digest tags", async () => {
    const found = await toArray(store.referrers(graph.root));
    assert.deepEqual(
      found.map(({ descriptor, via }) => [descriptor.digest, via]),
      [[graph.referrers[0]?.digest, "fallback-tag"]],
    );
    const [, arm] = graph.children;
    assert.ok(arm);
    assert.deepEqual(
      (await toArray(store.referrers(arm))).map(({ tag, via }) => [tag, via]),
      [[graph.digestTags[0], "digest-tag"]],
    );
  });

  test(
    "oras reads: the manifest, and the tree of referrers",
    { skip: missing("oras", "see github.com/oras-project/oras") },
    async () => {
      const digest = await run(home, "oras", "resolve", "--plain-http", `${name}:v1`);
      assert.equal(digest, graph.root.digest);
      const tree = await run(home, "oras", "discover", "--plain-http", "--format", "json", `${name}:v1`);
      assert.ok(tree.includes(graph.referrers[0]?.digest ?? "?"));
      assert.ok(tree.includes("application/vnd.cyclonedx+json"));
      assert.ok(tree.includes(graph.referrers[1]?.digest ?? "?"), "the signature on the SBOM");
    },
  );

  test(
    "regctl reads: the digest, and referrers with digest tags",
    { skip: missing("regctl", "see github.com/regclient/regclient") },
    async () => {
      await run(home, "regctl", "registry", "set", registry.host, "--tls", "disabled");
      assert.equal(await run(home, "regctl", "manifest", "head", `${name}:v1`), graph.root.digest);
      const list = await run(
        home,
        "regctl",
        "artifact",
        "list",
        `${name}@${graph.children[1]?.digest}`,
        "--digest-tags",
        "--format",
        "{{json .}}",
      );
      assert.ok(list.includes(graph.digestTags[0] ?? "?"));
      const referrers = await run(
        home,
        "regctl",
        "artifact",
        "list",
        `${name}:v1`,
        "--format",
        "{{json .Descriptors}}",
      );
      assert.deepEqual(
        (JSON.parse(referrers) as { digest: string }[]).map(({ digest }) => digest),
        [graph.referrers[0]?.digest],
      );
    },
  );

  test(
    "crane reads: the digest, the tags, a manifest to the byte",
    { skip: missing("crane", "see github.com/google/go-containerregistry") },
    async () => {
      assert.equal(await run(home, "crane", "digest", "--insecure", `${name}:v1`), graph.root.digest);
      assert.ok((await run(home, "crane", "ls", "--insecure", name)).split("\n").includes("v1"));
      const raw = await run(home, "crane", "manifest", "--insecure", `${name}@${graph.children[0]?.digest}`);
      assert.equal(raw, (await readAll(store.fetch(graph.children[0] ?? graph.root))).toString());
    },
  );

  test("skopeo reads: the raw index", { skip: missing("skopeo") }, async () => {
    const raw = await run(home, "skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${name}:v1`);
    assert.equal(raw, (await readAll(store.fetch(graph.root))).toString());
  });

  test("and what oras attaches, we find", { skip: missing("oras", "see github.com/oras-project/oras") }, async () => {
    const file = join(home, "report.txt");
    await writeFile(file, "all is well\n");
    const args = ["--plain-http", "--disable-path-validation", "--artifact-type", "application/x.report"];
    await run(home, "oras", "attach", ...args, `${name}:v1`, `${file}:text/plain`);
    const found = await toArray(store.referrers(graph.root, { artifactType: "application/x.report" }));
    assert.equal(found.length, 1);
    const all = await toArray(store.referrers(graph.root));
    assert.equal(all.length, 2, "ours is still listed beside theirs");
  });

  test("a manifest deleted goes from its fallback tag too", async () => {
    const [sbom] = graph.referrers;
    assert.ok(sbom && store.delete);
    await store.delete(sbom, { kind: "manifest" });
    const left = await toArray(store.referrers(graph.root));
    assert.ok(left.every(({ descriptor }) => descriptor.digest !== sbom.digest));
  });
});
