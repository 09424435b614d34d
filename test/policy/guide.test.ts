import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { servedRegistry } from "../content/served.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { openServices } from "../sign/sigstore-services.ts";
import { fixture } from "./scene.ts";

const PAGE = new URL("../../docs/guide/trust.md", import.meta.url);

/** The blocks of a kind in the sections on policies and promotion. */
async function blocks(language: string): Promise<readonly string[]> {
  const page = await readFile(PAGE, "utf8");
  const [, sections = ""] = /\n## Policy\n([\s\S]*?)\n## Plain files\n/.exec(page) ?? [];
  return [...sections.matchAll(new RegExp(`\`\`\`${language}\\n([^\`]+)\`\`\``, "g"))].map(([, block = ""]) => block);
}

test("the policy of docs/guide/trust.md is met by an image with all that it asks for, and its lines run", async () => {
  const [policy, ...others] = await blocks("yaml");
  assert.ok(policy !== undefined && others.length === 0);
  const lines = (await blocks("console")).flatMap((block) => block.trim().split("\n"));
  assert.equal(lines.length, 7);
  await using folder = await workFolder();
  await using served = await servedRegistry();
  await using services = await openServices();
  const cwd = folder.path;
  const run = (line: string): ReturnType<typeof inside> =>
    inside(line.replace("ghcr.io", served.host).split(" "), { cwd, env: { COSIGN_PASSWORD: "" } });
  const works = async (line: string): Promise<void> => {
    const { code, out, err } = await run(line);
    assert.equal(code, 0, `${line}\n${out}${err}`);
  };
  const now = new Date().toISOString();
  const grype = (await fixture("grype.json")).replace(/"timestamp": "[^"]*"/, `"timestamp": "${now}"`);
  await mkdir(join(cwd, "files"));
  for (const [name, content] of Object.entries({
    "policy.yaml": policy,
    "root.json": services.rootBytes,
    "files/a": "content",
    "grype.json": grype,
    "app.spdx.json": await fixture("spdx.json"),
    "result.json": '{"failed":0,"passed":120}',
  })) {
    await writeFile(join(cwd, name), content);
  }
  const label = "--label org.opencontainers.image.source=https://github.com/org/app";
  await works(`image create ocidir://images:v1 --layer linux/amd64=files:/ ${label} --created ${now}`);
  await works("key generate -o berth");
  const verify = "verify ocidir://images:v1 --policy policy.yaml --as org/app --json";
  const lacking = async (): Promise<readonly string[]> => {
    const [decision] = JSON.parse((await run(verify)).out) as {
      rules: { findings: { requirement: string; holds: boolean }[] }[];
    }[];
    return (decision?.rules ?? []).flatMap(({ findings }) =>
      findings.filter(({ holds }) => !holds).map(({ requirement }) => requirement),
    );
  };
  assert.deepEqual(await lacking(), ["signature", "sbom", "licenses", "scan", "attestation"]);
  const steps: readonly (readonly [line: string, provides: readonly string[]])[] = [
    ["sign ocidir://images:v1 --key berth.key", ["signature"]],
    ["attach ocidir://images:v1 app.spdx.json --artifact-type application/spdx+json", ["sbom", "licenses"]],
    [
      "attach ocidir://images:v1 grype.json:application/vnd.anchore.grype+json --artifact-type application/vnd.anchore.grype+json",
      ["scan"],
    ],
    [
      "attest ocidir://images:v1 --key berth.key --type https://example.com/tested/v1 --predicate result.json",
      ["attestation"],
    ],
  ];
  let left = await lacking();
  for (const [line, provides] of steps) {
    await works(line);
    left = left.filter((each) => !provides.includes(each));
    assert.deepEqual(await lacking(), left, line);
  }
  for (const line of lines) await works(line.replace("$ berth ", ""));
});
