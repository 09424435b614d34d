import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { table } from "../../src/cli/table.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { serve } from "../../src/server/serve.ts";
import { finish, type Ran, shellCommand } from "./berth.ts";
import { ISSUER, openServices, type SigstoreServices, tokenOf } from "../sign/sigstore-services.ts";
import { writeTrustFiles } from "../sign/notation/trust-files.ts";
import { workFolder } from "./fixture.ts";
import { inside } from "./inside.ts";

const FILES = [
  "app.cdx.json",
  "notes.md",
  "lint.sarif",
  "layer.tar.gz",
  "docs/a",
  "dist/run",
  "dist/plugin.so",
  "model.bin",
  "Chart.json",
  "app-0.1.0.tgz",
];
const REPOSITORIES = ["app", "a", "b", "org/app"];

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

/** Below those that systems give out by themselves, so that each example's registry can have it again. */
const PORT = 20_000 + Math.floor(Math.random() * 10_000);
const HOST = `127.0.0.1:${PORT}`;

const SECRET = { COSIGN_PASSWORD: "secret" };

const IDENTITY = { SIGSTORE_ID_TOKEN: tokenOf("ann@example.com", { iss: ISSUER }) };

function servicesAt({ url }: SigstoreServices): string {
  return `--keyless --fulcio-url ${url} --rekor-url ${url}`;
}

/** Keys and an identity, and what they have signed. */
async function prepareTrust(
  cwd: string,
  make: (line: string) => Promise<string>,
  services: SigstoreServices,
): Promise<void> {
  await writeFile(join(cwd, "trusted_root.json"), services.rootBytes);
  await writeTrustFiles(cwd);
  for (const name of ["cosign", "ann", "bob", "eve"]) await make(`key generate -o ${name}`);
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeFile(join(cwd, "openssl.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(join(cwd, "sbom.json"), '{"bomFormat":"CycloneDX"}');
  await writeFile(join(cwd, "result.json"), '{"passed":true}');
  await writeFile(
    join(cwd, "policy.yaml"),
    'version: 1\nidentities: { release: { key: cosign.pub } }\nrules:\n  - name: all\n    repositories: ["**"]\n    require: [{ signature: { by: release } }]\n',
  );
  for (const place of ["./images:v1", "./registry/org/app:v1"]) {
    await make(`sign ${place} --key cosign.key --recursive`);
    for (const name of ["ann", "bob"]) await make(`sign ${place} --key ${name}.key -a env=production`);
    await make(`sign ${place} ${servicesAt(services)}`);
    await make(`sign ${place} --key signer.key --certificate signer.pem`);
    await make(`attest ${place} --key cosign.key --type cyclonedx --predicate sbom.json`);
  }
  await make("sign --file app-0.1.0.tgz --bundle app-0.1.0.tgz.sigstore.json --key cosign.key");
}

/** Everything that the examples speak of, below one folder; gives the digests of a layer and of an SBOM. */
async function prepare(cwd: string, services: SigstoreServices): Promise<{ layer: string; sbom: string }> {
  const make = async (line: string): Promise<string> => {
    const { code, out, err } = await inside([...line.split(" "), "-q"], { cwd, env: { ...SECRET, ...IDENTITY } });
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };
  for (const name of ["docs", "dist", "out/amd64", "out/arm64"]) await mkdir(join(cwd, name), { recursive: true });
  for (const name of FILES) await writeFile(join(cwd, name), name);
  await writeFile(join(cwd, "deploy"), "#!/bin/sh\n", { mode: 0o755 });
  execFileSync("tar", ["-czf", "extra.tar.gz", "docs"], { cwd });
  for (const release of ["3.19", "3.20"]) {
    for (const name of ["etc", "usr/lib"]) await mkdir(join(cwd, release, name), { recursive: true });
    await writeFile(join(cwd, release, "etc/os-release"), `VERSION_ID=${release}\n`);
    await writeFile(join(cwd, release, "usr/lib/libc.so"), release);
    const layers = ["amd64", "arm64"].map((architecture) => `--layer linux/${architecture}=${release}:/`);
    await make(`image create ./registry/alpine:${release} ${layers.join(" ")}`);
  }
  const base = await make("digest ./registry/alpine:3.19");
  const says = [`name=${HOST}/alpine:3.19`, `digest=${base}`]
    .map((text) => `--annotation org.opencontainers.image.base.${text}`)
    .join(" ");
  const layers = ["dist:/app", "dist:/usr/bin"]
    .flatMap((path) => [`--layer linux/amd64=${path}`, `--layer linux/arm64=${path}`])
    .join(" ");
  await make(`image create ./images:v1 --base ./registry/alpine:3.19 ${layers} ${says}`);
  const sbom = await make("attach ./images:v1 app.cdx.json --artifact-type application/vnd.cyclonedx+json");
  await make("manifest get ./images:v1 -o index.json");
  await make("push ./registry/org/sboms:v1 app.cdx.json --artifact-type application/vnd.cyclonedx+json");
  for (const name of REPOSITORIES) await make(`copy ./images:v1 ./registry/${name}:v1`);
  await make("tag add ./registry/org/app:v1 1.4.2 2.0.0");
  await make("tag add ./registry/app:v1 v2");
  await make("copy ./images:v1 ./rebuilt:v1");
  await make("export ./images:v1 saved.tar --name app:v1");
  await writeFile(join(cwd, "annotations.json"), '{"$manifest":{"by":"ann"},"model.bin":{"of":"v1"}}');
  await writeFile(join(cwd, "images.txt"), "./images:v1 ./mirrored:v1\n");
  await writeFile(join(cwd, "mirror.yaml"), "- copy ./images:v1 ./mirrored:v1\n- tag ls ./images\n");
  await writeFile(join(cwd, "jobs.jsonl"), '"digest ./images:v1"\n["tag", "ls", "./images"]\n');
  await make("copy ./images:v1 oci-archive:build.tar");
  await prepareTrust(cwd, make, services);
  const image = JSON.parse(await make("manifest get ./images:v1 --platform linux/amd64")) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  return { layer: image.layers.at(-1)?.digest ?? "", sbom };
}

describe("the examples of the help run as they stand, but for the names of registries and digests", async () => {
  const lines = await Promise.all(
    table.map(async ({ load }) => (await load()).command.examples.map(({ line }) => line)),
  );
  const owned = new AsyncDisposableStack();
  let seed = "";
  let made = { layer: "", sbom: "" };
  let services: SigstoreServices;
  before(async () => {
    services = owned.use(await openServices());
    seed = owned.use(await workFolder()).path;
    made = await prepare(seed, services);
  });
  after(() => owned.disposeAsync());
  for (const line of lines.flat().filter((each) => !each.startsWith("berth serve"))) {
    test(line, async () => {
      await using folder = await workFolder();
      await cp(seed, folder.path, { recursive: true });
      await using registry = await openLayoutFolder(join(folder.path, "registry"));
      const server = await serve({ registry, host: "127.0.0.1", port: PORT });
      const script = line
        .replaceAll(/(?:ghcr\.io|localhost:5000)(?=\/| |$)/g, HOST)
        .replaceAll(/(?<= )alpine:/g, `${HOST}/alpine:`)
        .replaceAll(/sha256:4bcff[0-9a-f]+/g, made.layer)
        .replaceAll(/sha256:98348[0-9a-f]+/g, made.sbom)
        // jq is not everywhere; that what it reads is JSON is tested elsewhere. Nor is Docker's daemon.
        .replace(/\| jq .*/, "")
        .replace("--keyless", servicesAt(services))
        .replace("docker save app:v1", "cat saved.tar")
        .replace("docker load", "cat >loaded.tar");
      await mkdir(join(folder.path, ".config/fish/completions"), { recursive: true });
      const pem = await readFile(join(folder.path, "openssl.pem"), "utf8");
      const env = { HOME: folder.path, EDITOR: "true", SIGNING_KEY: pem, PASSWORD: "secret", ...IDENTITY };
      const { code, err } = NEEDS_SHELL.test(script)
        ? await inShell(script, folder.path, env)
        : await inside(wordsOf(script), { cwd: folder.path, env });
      await server.close();
      assert.equal(code, 0, err);
    });
  }
});
