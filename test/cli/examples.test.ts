import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { table } from "../../src/cli/table.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { serve } from "../../src/server/serve.ts";
import { berth, finish, type Ran, shellCommand } from "./berth.ts";
import { workFolder } from "./fixture.ts";
import { inside } from "./inside.ts";

const FILES = ["app.cdx.json", "notes.md", "lint.sarif", "layer.tar.gz", "docs/a", "dist/serve"];
const REPOSITORIES = ["app", "a", "b", "org/app", "alpine"];

/** Anything but words and single quotes. */
const NEEDS_SHELL = /[|&;<>()$`"\\]|[^']\*|^(?!berth )/;

function inShell(script: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Ran> {
  const shell = `set -euo pipefail; berth() { ${shellCommand} "$@"; }; ${script}`;
  return finish(spawn("bash", ["-c", shell], { cwd, env: { PATH: process.env["PATH"], ...env } }));
}

/** The words after `berth`, as a shell would have them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", "")).slice(1);
}

/** Everything that the examples speak of, below one folder; gives the digests of a layer and of an SBOM. */
async function prepare(cwd: string): Promise<{ layer: string; sbom: string }> {
  const make = async (line: string): Promise<string> => {
    const { code, out, err } = await berth([...line.split(" "), "-q"], { cwd });
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };
  for (const name of ["docs", "dist", "out/amd64", "out/arm64"]) await mkdir(join(cwd, name), { recursive: true });
  for (const name of FILES) await writeFile(join(cwd, name), name);
  await make("image create ./images:v1 --layer linux/amd64=dist:/app --layer linux/arm64=dist:/app");
  const sbom = await make("attach ./images:v1 app.cdx.json --artifact-type application/vnd.cyclonedx+json");
  await make("manifest get ./images:v1 -o index.json");
  await make("push ./registry/org/sboms:v1 app.cdx.json --artifact-type application/vnd.cyclonedx+json");
  for (const name of REPOSITORIES) await make(`copy ./images:v1 ./registry/${name}:v1`);
  await make("tag add ./registry/alpine:v1 3.20");
  await make("tag add ./registry/org/app:v1 1.4.2");
  const image = JSON.parse(await make("manifest get ./images:v1 --platform linux/amd64")) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  return { layer: image.layers[0]?.digest ?? "", sbom };
}

describe("the examples of the help run as they stand, but for the names of registries and digests", async () => {
  const lines = await Promise.all(
    table.map(async ({ load }) => (await load()).command.examples.map(({ line }) => line)),
  );
  const owned = new AsyncDisposableStack();
  let seed = "";
  let made = { layer: "", sbom: "" };
  before(async () => {
    seed = owned.use(await workFolder()).path;
    made = await prepare(seed);
  });
  after(() => owned.disposeAsync());
  for (const line of lines.flat().filter((each) => !each.startsWith("berth serve"))) {
    test(line, async () => {
      await using folder = await workFolder();
      await cp(seed, folder.path, { recursive: true });
      await using registry = await openLayoutFolder(join(folder.path, "registry"));
      const server = await serve({ registry, host: "127.0.0.1", port: 0 });
      const host = new URL(server.url).host;
      const script = line
        .replaceAll(/(?:ghcr\.io|localhost:5000)(?=\/| |$)/g, host)
        .replaceAll(/(?<= )alpine:/g, `${host}/alpine:`)
        .replaceAll(/sha256:4bcff[0-9a-f]+/g, made.layer)
        .replaceAll(/sha256:98348[0-9a-f]+/g, made.sbom)
        // jq is not everywhere; that what it reads is JSON is tested elsewhere.
        .replace(/\| jq .*/, "");
      await mkdir(join(folder.path, ".config/fish/completions"), { recursive: true });
      const env = { HOME: folder.path, EDITOR: "true" };
      const { code, err } = NEEDS_SHELL.test(script)
        ? await inShell(script, folder.path, env)
        : await inside(wordsOf(script), { cwd: folder.path, env });
      await server.close();
      assert.equal(code, 0, err);
    });
  }
});
