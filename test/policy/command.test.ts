import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { fixture } from "./scene.ts";

describe("berth verify --policy", () => {
  let folder: Awaited<ReturnType<typeof workFolder>>;
  const env = { COSIGN_PASSWORD: "" };
  const run = async (line: string): Promise<RanInside> => inside(line.split(" "), { cwd: folder.path, env });
  const works = async (line: string): Promise<string> => {
    const { code, out, err } = await run(line);
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };

  before(async () => {
    folder = await workFolder();
    const at = (name: string): string => join(folder.path, name);
    await mkdir(at("files"));
    await mkdir(at("policies"));
    await writeFile(at("files/a"), "content");
    await writeFile(at("grype.json"), await fixture("grype.json"));
    await writeFile(
      at("policies/policy.yaml"),
      `version: 1
identities:
  release: { key: ../key.pub }
rules:
  - name: released
    repositories: ["images", "team/*"]
    require:
      - signature: { by: release }
      - scan: { maxSeverity: high }
`,
    );
    await works("image create ocidir://images:v1 --layer linux/amd64=files:/");
    await works("key generate -o key");
    await works("key generate -o other");
  });
  after(() => folder[Symbol.asyncDispose]());

  test("refuses with an exit code of its own and says what is missing", async () => {
    const { code, out, err } = await run("verify ocidir://images:v1 --policy policies/policy.yaml");
    assert.equal(code, 11);
    assert.match(out, /refused {2}ocidir:\/\/images:v1 {2}sha256:/);
    assert.match(out, /rule released is not met/);
    assert.match(out, /missing \(line 8\): a signature by release: there is no signature/);
    assert.match(out, /missing \(line 9\): a scan/);
    assert.match(
      err,
      /^berth: The policy refuses ocidir:\/\/images:v1: rule released is not met: signature, and 1 more\n/,
    );
  });

  test("allows once all of it hangs there, for people and for programs", async () => {
    await works("sign ocidir://images:v1 --key key.key");
    await works(
      "attach ocidir://images:v1 grype.json:application/vnd.anchore.grype+json --artifact-type application/vnd.anchore.grype+json",
    );
    const out = await works("verify ocidir://images:v1 --policy policies/policy.yaml");
    assert.match(out, /allowed {2}ocidir:\/\/images:v1/);
    assert.match(out, /yes {2}signature {2}linux\/amd64 {2}signed by release/);
    const [decision] = JSON.parse(await works("verify ocidir://images:v1 --policy policies/policy.yaml --json")) as {
      allowed: boolean;
      repository: string;
      rules: { findings: { requirement: string; holds: boolean }[] }[];
    }[];
    assert.equal(decision?.allowed, true);
    assert.equal(decision.repository, "images");
    assert.deepEqual(
      decision.rules[0]?.findings.map(({ requirement }) => requirement),
      ["signature", "scan"],
    );
  });

  test("is told as which repository to judge", async () => {
    assert.match(await works("verify ocidir://images:v1 --policy policies/policy.yaml --as team/app"), /allowed/);
    const { code, err } = await run("verify ocidir://images:v1 --policy policies/policy.yaml --as other/app");
    assert.equal(code, 11);
    assert.match(err, /no rule is about other\/app/);
  });

  test("takes no other demand beside a policy", async () => {
    const { code, err } = await run(
      "verify ocidir://images:v1 --policy policies/policy.yaml --key key.pub --threshold 1",
    );
    assert.equal(code, 2);
    assert.match(err, /Expected either --policy or --key, --threshold, got both/);
  });

  test("policy check tells of the rules, and of what is wrong with the line", async () => {
    assert.match(await works("policy check policies/policy.yaml"), /is a policy of 1 rules, sha256:/);
    await writeFile(
      join(folder.path, "wrong.yaml"),
      "version: 1\nidentities: { a: { key: none.pub } }\nrules:\n  - { name: x, repositories: a, require: [{ signature: { by: a } }] }\n",
    );
    assert.match(await works("policy check wrong.yaml --no-keys"), /1 rules/);
    assert.notEqual((await run("policy check wrong.yaml")).code, 0);
    await writeFile(join(folder.path, "wrong.yaml"), "version: 1\nrules:\n  - name: x\n    repository: y\n");
    const { code, err } = await run("policy check wrong.yaml");
    assert.equal(code, 2);
    assert.match(err, /Invalid policy wrong.yaml, line 4: unknown key "repository" in a rule/);
  });
});
