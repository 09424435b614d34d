import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { finish, shellCommand } from "../cli/berth.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { servedRegistry } from "../content/served.ts";
import { fixture } from "../policy/scene.ts";
import { ISSUER, openServices, tokenOf } from "../sign/sigstore-services.ts";

const PAGE = new URL("../../docs/guide/trust.md", import.meta.url);
const ACTION = new URL("../../action/action.yml", import.meta.url);
const WORKFLOW = "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.0.0";

interface Workflow {
  readonly on: { readonly push: { readonly tags: readonly string[] } };
  readonly permissions: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly jobs: {
    readonly release: {
      readonly steps: readonly {
        readonly uses?: string;
        readonly with?: Readonly<Record<string, string>>;
        readonly run?: string;
      }[];
    };
  };
}

const page = await readFile(PAGE, "utf8");
const [, section = ""] = /\n## In CI\n([\s\S]*?)\n## /.exec(page) ?? [];
const [before = "", after = "", policy = "", ...more] = [...section.matchAll(/```yaml\n([^`]+)```/g)].map(
  ([, block = ""]) => block,
);

/** What a job has and a machine of tests has not: Docker, and the scanners with their databases. */
const ELSEWHERE = `
docker() { if [[ $1 == buildx ]]; then berth image create ocidir://app:v1 --layer linux/amd64=files:/; else cat > /dev/null; fi; }
syft() { cp app.cdx.json sbom.json; }
grype() { cp app.grype.json scan.json; }
`;

test("the workflows of docs/guide/trust.md are such, and give the action what it takes", async () => {
  assert.deepEqual(more, []);
  const { inputs } = parse(await readFile(ACTION, "utf8")) as { readonly inputs: Readonly<Record<string, unknown>> };
  for (const text of [before, after]) {
    const { on, permissions, jobs } = parse(text) as Workflow;
    assert.deepEqual(on.push.tags, ["v*"]);
    assert.equal(permissions["id-token"], "write");
    for (const step of jobs.release.steps) {
      assert.equal([step.uses, step.run].filter((each) => each !== undefined).length, 1, JSON.stringify(step));
      // What others choose, such as a tag's name, comes in variables.
      assert.ok(!step.run?.includes("${{"), step.run);
      for (const name of Object.keys(step.with ?? {})) assert.ok(Object.hasOwn(inputs, name), name);
    }
  }
  const uses = (parse(after) as Workflow).jobs.release.steps.map((step) => step.uses ?? "");
  assert.ok(uses.some((each) => each.includes("/berth/action@")));
});

test("the workflow with berth runs, from the build to the promotion, and stops where the policy is not met", async () => {
  await using folder = await workFolder();
  await using registry = await servedRegistry();
  await using services = await openServices();
  const cwd = folder.path;
  const { env, jobs } = parse(after) as Workflow;
  const lines = jobs.release.steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
  const image = env["IMAGE"]?.replace("ghcr.io", registry.host).replace("${{ github.ref_name }}", "v1.0.0") ?? "";
  const scan = (await fixture("grype.json")).replace(
    /"timestamp": "[^"]*"/,
    `"timestamp": "${new Date().toISOString()}"`,
  );
  await mkdir(join(cwd, "files"));
  for (const [name, content] of Object.entries({
    "policy.yaml": policy
      .replace("https://token.actions.githubusercontent.com", ISSUER)
      .replace("identityRegexp", "trustedRoot: root.json\n      identityRegexp"),
    "root.json": services.rootBytes,
    "files/a": "content",
    "app.cdx.json": '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}',
    "app.grype.json": scan,
  })) {
    await writeFile(join(cwd, name), content);
  }
  const run = (script: readonly string[]) => {
    const keyless = script.map((line) =>
      line.replace("--keyless", `--keyless --fulcio-url ${services.url} --rekor-url ${services.url}`),
    );
    const whole = `set -euo pipefail\nberth() { ${shellCommand} "$@"; }\n${ELSEWHERE}${keyless.join("\n")}\n`;
    const variables = { IMAGE: image, TOKEN: "token", GITHUB_ACTOR: "ann", HOME: cwd };
    const identity = { SIGSTORE_ID_TOKEN: tokenOf(WORKFLOW, { iss: ISSUER }) };
    return finish(spawn("bash", ["-c", whole], { cwd, env: { PATH: process.env["PATH"], ...variables, ...identity } }));
  };
  const unsigned = await run(lines.filter((line) => !line.includes("berth sign")));
  assert.equal(unsigned.code, 11, unsigned.err);
  const vulnerable = await run(["rm -r app", ...lines]);
  assert.equal(vulnerable.code, 11, vulnerable.err);
  assert.match(vulnerable.out, /nothing above medium/);
  assert.equal((await inside(["digest", image], { cwd })).code, 3);

  await writeFile(join(cwd, "app.grype.json"), scan.replaceAll('"High"', '"Medium"'));
  const released = await run(["rm -r app", ...lines]);
  assert.equal(released.code, 0, released.err + released.out);
  const digests = await Promise.all(
    [image, image.replace("v1.0.0", "stable"), "ocidir://app:v1"].map((each) => inside(["digest", each], { cwd })),
  );
  assert.equal(new Set(digests.map(({ out }) => out)).size, 1);
  const verified = await inside(["verify", image, "--policy", "policy.yaml"], { cwd });
  assert.equal(verified.code, 0, verified.out + verified.err);
});
