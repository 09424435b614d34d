import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openRemote } from "../../src/remote/open-remote.ts";
import { hang, pushIndex } from "../policy/scene.ts";
import { berth, type Ran } from "./berth.ts";
import { imageLayout, workFolder } from "./fixture.ts";
import { serve } from "./served.ts";

const POLICY = `version: 1
default: allow
identities:
  release: { key: berth.pub }
rules:
  - { name: released, repositories: ["prod/**"], require: [{ signature: { by: release } }] }
`;

/** A folder to serve, a policy with its key, who may push, and an image. */
async function prepared(): Promise<Awaited<ReturnType<typeof workFolder>>> {
  const folder = await workFolder();
  const at = (name: string): string => join(folder.path, name);
  await mkdir(at("registry"));
  await imageLayout(at("images"), ["v1"]);
  await writeFile(at("policy.yaml"), POLICY);
  await writeFile(at("pushers"), "ci:s3cr3t\n");
  const key = await berth(["key", "generate"], { cwd: folder.path, env: { COSIGN_PASSWORD: "" } });
  assert.equal(key.code, 0, key.err);
  return folder;
}

const GATE = ["registry", "--policy", "policy.yaml", "--pusher-password-file", "pushers", "--audit-log", "audit.log"];

async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("serve --policy", () => {
  test("an image is there for pullers once it is signed; the log and the audit log tell of it", async () => {
    await using folder = await prepared();
    const cwd = folder.path;
    const env = { COSIGN_PASSWORD: "" };
    await using server = await serve(GATE, cwd);
    const app = `${server.host}/prod/app:v1`;
    const as = async (...words: string[]): Promise<Ran> =>
      berth([...words, "-u", "ci", "--password-stdin"], { cwd, env, input: "s3cr3t" });
    const nobody = await berth(["copy", "ocidir://images:v1", app], { cwd });
    assert.equal(nobody.code, 4, nobody.err);
    const pushed = await as("copy", "ocidir://images:v1", app);
    assert.equal(pushed.code, 0, pushed.err);
    const hidden = await berth(["digest", app], { cwd });
    assert.equal(hidden.code, 3, hidden.err);
    const signed = await as("sign", app, "--key", "berth.key");
    assert.equal(signed.code, 0, signed.err);
    const seen = await berth(["digest", app], { cwd });
    assert.equal(seen.code, 0, seen.err);
    const open = await as("copy", "ocidir://images:v1", `${server.host}/dev/app:v1`);
    assert.equal(open.code, 0, open.err);
    assert.equal((await berth(["digest", `${server.host}/dev/app:v1`], { cwd })).out, seen.out);

    await rename(join(cwd, "audit.log"), join(cwd, "audit.log.1"));
    server.signal("SIGHUP");
    const other = await as("tag", "rm", app);
    assert.equal(other.code, 0, other.err);
    const { err } = await server.stop("SIGTERM");
    assert.match(err, /^hidden prod\/app:v1 \(sha256:[0-9a-f]{64}\): rule released is not met: signature$/m);
    assert.match(err, /^released prod\/app:v1 \(sha256:[0-9a-f]{64}\)$/m);
    assert.doesNotMatch(err, /dev\/app/);
    const lines = await linesOf(join(cwd, "audit.log.1"));
    assert.deepEqual(
      lines.map(({ level, event, repository, tags, rule }) => [level, event, repository, tags, rule]),
      [
        ["warn", "hidden", "prod/app", ["v1"], "released"],
        ["info", "released", "prod/app", ["v1"], undefined],
      ],
    );
    for (const { time, digest, policy } of lines) {
      assert.ok(!Number.isNaN(Date.parse(String(time))));
      assert.equal(`${String(digest)}\n`, seen.out);
      assert.match(String(policy), /^sha256:/);
    }
  });

  test("--gate refuse turns the tag away and says what is missing", async () => {
    await using folder = await prepared();
    const cwd = folder.path;
    await using server = await serve([...GATE, "--gate", "refuse"], cwd);
    const app = `${server.host}/prod/app:v1`;
    const words = ["copy", "ocidir://images:v1", app, "-u", "ci", "--password-stdin"];
    const refused = await berth(words, { cwd, input: "s3cr3t" });
    assert.equal(refused.code, 4, refused.err);
    assert.match(refused.err, /The policy refuses v1: rule released is not met: signature/);
    // Signed on disk, its signature goes along and before its tag.
    const signed = await berth(["sign", "ocidir://images:v1", "--key", "berth.key"], {
      cwd,
      env: { COSIGN_PASSWORD: "" },
    });
    assert.equal(signed.code, 0, signed.err);
    const pushed = await berth(words, { cwd, input: "s3cr3t" });
    assert.equal(pushed.code, 0, pushed.err);
    assert.equal((await berth(["digest", app], { cwd })).code, 0);
    await server.stop("SIGTERM");
    const [first] = await linesOf(join(cwd, "audit.log"));
    assert.equal(first?.["event"], "refused");
  });

  test("killed and started again, it knows the parts of an index that has no tag", async () => {
    await using folder = await prepared();
    const cwd = folder.path;
    await writeFile(join(cwd, "policy.yaml"), POLICY.replace("by: release", "by: release, on: index"));
    await using server = await serve(GATE, cwd);
    const credentials = async () => ({ type: "basic" as const, username: "ci", password: "s3cr3t" });
    await using pusher = await openRemote({ host: server.host, repository: "prod/app", credentials });
    const { root, arm } = await pushIndex(pusher);
    const sbom = (await hang(pusher, arm, "{}", "application/spdx+json")).descriptor;
    const signed = await berth(
      ["sign", `${server.host}/prod/app@${root.digest}`, "--key", "berth.key", "-u", "ci", "--password-stdin"],
      { cwd, env: { COSIGN_PASSWORD: "" }, input: "s3cr3t" },
    );
    assert.equal(signed.code, 0, signed.err);
    for (const [digest, signal] of [
      [arm.digest, "SIGKILL"],
      [sbom.digest, "SIGKILL"],
      [arm.digest, "SIGTERM"],
    ] as const) {
      await server.stop(signal);
      await using again = await serve(GATE, cwd);
      const answer = await fetch(`http://${again.host}/v2/prod/app/manifests/${digest}`);
      assert.equal(answer.status, 200, await answer.text());
      const listed = await fetch(`http://${again.host}/v2/prod/app/referrers/${arm.digest}`);
      assert.match(await listed.text(), new RegExp(sbom.digest));
      await again.stop(signal);
    }
  });

  test("it does not start with what it cannot enforce", async () => {
    await using folder = await prepared();
    const cwd = folder.path;
    await writeFile(join(cwd, "broken.yaml"), POLICY.replace("released", "[released"));
    await writeFile(join(cwd, "keyless.yaml"), POLICY.replace("berth.pub", "absent.pub"));
    await writeFile(join(cwd, "elsewhere.yaml"), POLICY.replace('["prod/**"]', '["**"], registries: [r.example.com]'));
    await writeFile(join(cwd, "empty"), "");
    const pushers = ["--pusher-password-file", "pushers"];
    for (const [words, code, problem] of [
      [["--policy", "absent.yaml", ...pushers], 2, /absent\.yaml/],
      [["--policy", "broken.yaml", ...pushers], 2, /Invalid policy broken\.yaml, line/],
      [["--policy", "keyless.yaml", ...pushers], 2, /absent\.pub/],
      [["--policy", "elsewhere.yaml", ...pushers], 2, /which this one is was not said\nhint: .*--as/],
      [["--policy", "policy.yaml"], 2, /has to know who pushes.*\nhint: .*--pusher-password-file/],
      [["--policy", "policy.yaml", "--pusher-password-file", "empty"], 2, /no user:password/],
      [["--policy", "policy.yaml", ...pushers, "--audit-log", "absent/audit.log"], 8, /Cannot write the audit log/],
      [["--gate", "refuse"], 2, /go with a --policy/],
      [["--login", "always"], 2, /--login goes with/],
    ] as const) {
      const ran = await berth(["serve", "registry", "--port", "0", ...words], { cwd });
      assert.equal(ran.code, code, `${words.join(" ")}\n${ran.err}`);
      assert.match(ran.err, problem);
      assert.equal(ran.out, "");
    }
    await using server = await serve(
      ["registry", "--policy", "elsewhere.yaml", ...pushers, "--as", "r.example.com"],
      cwd,
    );
    assert.equal((await berth(["tag", "ls", `${server.host}/prod/app`], { cwd })).code, 3);
  });
});
