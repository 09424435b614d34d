import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { openLayout } from "../../src/layout/open-layout.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { servedRegistry } from "../content/served.ts";
import { image, pushImage } from "../support/content.ts";
import { missing } from "../support/docker-registry.ts";
import { pushSampleGraph } from "../support/graph.ts";
import { peerRegistries, startWithoutDelete } from "../support/peer-registries.ts";

const execute = promisify(execFile);

const peers = [
  missing("crane", "go install github.com/google/go-containerregistry/cmd/crane@v0.21.9"),
  missing("regctl", "go install github.com/regclient/regclient/cmd/regctl@v0.11.5"),
].find((reason) => reason !== false);

const registries = [
  {
    name: "berth serve",
    missing: false as const,
    start: async () => {
      const served = await servedRegistry();
      return { host: served.host, close: () => served[Symbol.asyncDispose]() };
    },
  },
  ...peerRegistries,
];

/** The content commands against a registry, beside what crane and regctl say of it. */
async function tour(host: string, cwd: string): Promise<void> {
  await mkdir(join(cwd, "regctl"), { recursive: true });
  const config = join(cwd, "regctl/config.json");
  await writeFile(config, JSON.stringify({ hosts: { [host]: { tls: "disabled" } } }));
  const env = { PATH: process.env["PATH"], HOME: cwd, DOCKER_CONFIG: cwd, REGCTL_CONFIG: config };
  const peer = async (program: string, ...args: string[]): Promise<string> =>
    (await execute(program, args, { cwd, env, timeout: 60_000 })).stdout.trimEnd();
  const berth = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await inside(args, {
      cwd,
      env: { EDITOR: `sed -i 's/"manifests"/"annotations":{"a":"b"},"manifests"/'` },
    });
    assert.equal(code, 0, `berth ${args.join(" ")}: ${err}`);
    return out.trimEnd();
  };
  const fails = async (...args: string[]): Promise<number> => (await inside(args, { cwd })).code;
  const app = `${host}/content/app`;
  const other = `${host}/content/other`;
  {
    await using layout = await openLayout(join(cwd, "layout"), { create: true });
    await pushSampleGraph(layout, "v1");
  }

  await berth("repo", "cp", "./layout", app);
  assert.equal(await berth("digest", `${app}:v1`), await peer("crane", "digest", `${app}:v1`));
  const digest = await berth("digest", "./layout:v1");
  assert.equal(await peer("regctl", "manifest", "head", `${app}:v1`), digest);

  await berth("tag", "add", `${app}:v1`, "v2", "v3");
  await berth("tag", "rm", `${app}:v2`);
  assert.equal(await fails("digest", `${app}:v2`), 3, "the tag is gone");
  assert.equal(await berth("digest", `${app}:v3`), digest, "its manifest and other tags stay");
  await berth("tag", "mv", `${app}:v3`, "v4");
  assert.equal(await fails("tag", "rm", `${app}:v3`), 3);
  assert.equal(await fails("tag", "rm", `${app}:v3`, "--ignore-missing"), 0);
  assert.equal(await berth("tag", "ls", app), "v1\nv4");
  assert.equal(await berth("tag", "ls", app, "--last", "v2"), "v4", "after a tag that is not there");
  assert.equal(await berth("tag", "ls", app, "--digest-tags"), await peer("crane", "ls", app).then(sorted));
  assert.equal(
    await berth("tag", "ls", app, "--include", "v[4-9]"),
    await peer("regctl", "tag", "ls", app, "--include", "v[4-9]"),
  );

  assert.equal(await berth("manifest", "get", `${app}:v1`), await peer("crane", "manifest", `${app}:v1`));
  assert.equal(
    await berth("manifest", "get", `${app}:v1`, "--platform", "linux/arm64", "--config"),
    await peer("crane", "config", `${app}:v1`, "--platform", "linux/arm64"),
  );
  const edited = await berth("manifest", "edit", `${app}:v4`);
  assert.equal(await peer("crane", "digest", `${app}:v4`), edited);
  assert.match(await berth("manifest", "diff", `${app}:v1`, `${app}:v4`), /\+ {2}"annotations": \{\n\+ {4}"a": "b"/);

  const single = await berth("digest", `${app}:v1`, "--platform", "linux/amd64");
  await berth("index", "create", `${app}:one`, `${app}@${single}`);
  await peer("regctl", "index", "create", `${app}:theirs`, "--ref", `${app}@${single}`);
  const entries = async (tag: string): Promise<unknown> =>
    JSON.parse(await peer("crane", "manifest", `${app}:${tag}`)).manifests;
  assert.deepEqual(await entries("one"), await entries("theirs"), "the same entries as regctl writes");
  await berth("index", "add", `${app}:one`, `${app}:v1`, "--platform", "linux/arm64");
  assert.equal(await berth("index", "ls", `${app}:one`, "--format", "length(manifests)"), "2");
  await berth("index", "rm", `${app}:one`, "--platform", "linux/arm64");
  assert.deepEqual(await entries("one"), await entries("theirs"));

  await writeFile(join(cwd, "blob"), "some content");
  const blob = await berth("blob", "put", app, "blob");
  const copied = await berth("blob", "cp", `${app}@${blob}`, other, "--format", "way");
  assert.ok(copied === "mounted" || copied === "existed", copied);
  assert.equal(await peer("regctl", "blob", "get", other, blob), "some content");
  // zot finds a blob again as long as another repository has it.
  for (const place of [other, app]) await berth("blob", "rm", `${place}@${blob}`);
  assert.notEqual(await fails("blob", "head", `${other}@${blob}`), 0);

  await berth("repo", "cp", app, other, "--include", "v1");
  assert.match(await berth("tag", "ls", other, "--digest-tags"), /^sha256-[0-9a-f]{64}\.sig$/m);
  assert.equal(await berth("repo", "ls", host, "--last", "content/b"), "content/other");
  assert.equal(await berth("repo", "ls", host), await peer("crane", "catalog", host).then(sorted));
  assert.equal(await berth("repo", "ls", `${host}/content/`), "content/app\ncontent/other");
  assert.match(await berth("repo", "rm", other, "--yes"), /^Removed \d+ tags? and \d+ manifests/);
  assert.notEqual(await fails("digest", `${other}:v1`), 0);
  assert.equal(await berth("digest", `${app}:v1`), digest, "the neighbour is untouched");
  await using store = await openRemote({ host, repository: "content/app" });
  const last = await pushImage(store, image("last"), ["last"]);
  await berth("manifest", "rm", `${app}:last`, "--force-tag-dereference");
  assert.notEqual(await fails("manifest", "head", `${app}@${last.digest}`), 0);
}

const sorted = (text: string): string => text.split("\n").toSorted().join("\n");

describe("the content commands, beside crane and regctl", () => {
  for (const registry of registries) {
    test(registry.name, { skip: registry.missing || peers || false }, async () => {
      await using folder = await workFolder();
      const running = await registry.start();
      try {
        await tour(running.host, folder.path);
      } finally {
        await running.close();
      }
    });
  }
});

test("a registry that deletes nothing keeps its tag where it was", { skip: missing("docker-registry") }, async () => {
  await using folder = await workFolder();
  const running = await startWithoutDelete();
  try {
    const cwd = folder.path;
    await using store = await openRemote({ host: running.host, repository: "app" });
    const { digest } = await pushImage(store, image("a"), ["v1", "v2"]);
    for (const args of [
      ["tag", "rm", `${running.host}/app:v1`],
      ["tag", "mv", `${running.host}/app:v1`, "v3"],
      ["tag", "mv", `${running.host}/app:v1`, "v2"],
      ["repo", "rm", `${running.host}/app`, "--yes"],
    ]) {
      const { code, err } = await inside(args, { cwd });
      assert.equal(code, 1, `${args.join(" ")}: ${err}`);
      assert.match(err, /^berth: .*does not delete.*\nhint: /, args.join(" "));
    }
    for (const tag of ["v1", "v2"]) assert.equal((await store.resolve({ tag })).digest, digest);
  } finally {
    await running.close();
  }
});
