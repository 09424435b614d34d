/**
 * The main job, for real: an image of berth itself is built into a layout on disk, changed,
 * given its SBOMs and a scan, signed, judged by a policy, shipped to a registry with all of it, brought back, and promoted.
 * Ends with a non-zero code unless every byte made it.
 */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askPeers } from "./peers.ts";
import { berth, capture, chapter, quietly, refused, serve } from "./shell.ts";

const root = join(import.meta.dirname, "..");
const folder = join(root, ".demo");
const checks: [string, boolean][] = [];

function check(what: string, holds: boolean): void {
  checks.push([what, holds]);
  process.stdout.write(`${holds ? "✔" : "✘"} ${what}\n`);
}

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** The folder of an installed package. */
function packageFolder(name: string): string {
  return join(root, "node_modules", name);
}

/** Every package that berth needs at run time, theirs included. */
function dependencies(): Set<string> {
  const found = new Set<string>();
  const open = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const text = readFileSync(join(next, "package.json"), "utf8");
    const { dependencies: named = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    for (const name of Object.keys(named)) {
      if (found.has(name)) continue;
      found.add(name);
      open.push(packageFolder(name));
    }
  }
  return found;
}

/** What goes into the image: the program for every platform, this machine's Node beside it. */
function prepare(): { readonly host: string; readonly other: string } {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "app"), { recursive: true });
  for (const part of ["bin", "dist", "package.json", "LICENSE"]) {
    cpSync(join(root, part), join(folder, "app", part), { recursive: true });
  }
  mkdirSync(join(folder, "runtime", "bin"), { recursive: true });
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  cpSync(process.execPath, join(folder, "runtime", "bin", "node"));
  for (const name of dependencies()) {
    cpSync(packageFolder(name), join(folder, "app", "node_modules", name), { recursive: true });
  }
  return { host: `linux/${arch}`, other: arch === "arm64" ? "linux/amd64" : "linux/arm64" };
}

function reports(): { readonly sboms: readonly [string, string][]; readonly scans: readonly [string, string][] } {
  const sboms: [string, string][] = [];
  const scans: [string, string][] = [];
  const write = (to: [string, string][], name: string, type: string, text: string | undefined): void => {
    if (text === undefined) {
      process.stdout.write(`(no ${name}: the tool that makes it gave no answer here)\n`);
      return;
    }
    writeFileSync(join(folder, name), text);
    to.push([name, type]);
    process.stdout.write(`${name}: ${statSync(join(folder, name)).size} bytes\n`);
  };
  write(sboms, "sbom.cdx.json", "application/vnd.cyclonedx+json", capture("npm", "sbom", "--sbom-format", "cyclonedx"));
  write(sboms, "sbom.spdx.json", "application/spdx+json", capture("npm", "sbom", "--sbom-format", "spdx"));
  write(scans, "lint.sarif", "application/sarif+json", capture("oxlint", "--format=sarif", "src", "bin"));
  write(scans, "audit.json", "application/vnd.npm.audit+json", capture("npm", "audit", "--json"));
  return { sboms, scans };
}

/** What has to be true of an image before anybody may have it. */
const POLICY = `version: 1
identities:
  release: { key: berth.pub }
rules:
  - name: everything of the team
    repositories: ["team/**", "prod/**"]
    require:
      - signature: { by: release, on: index }
      - sbom: { formats: [cyclonedx, spdx], on: index }
      - scan: { formats: [sarif], maxAge: 1d, maxSeverity: medium, on: index }
      - labels: { org.example.stage: demo }
`;

const { host, other } = prepare();
const layout = "ocidir://images";
const image = `${layout}:v1`;

chapter(
  "Create",
  "An image of berth itself for two platforms, without Docker: folders become layers, the result is a layout on disk.",
);
berth(
  folder,
  "image",
  "create",
  image,
  "--platform",
  host,
  "--platform",
  other,
  "--layer",
  `${host}=./runtime:/usr/local`,
  "--layer",
  "./app:/opt/berth",
  "--entrypoint",
  '["/usr/local/bin/node","/opt/berth/bin/berth.js"]',
  "--cmd",
  "version",
  "--label",
  "org.opencontainers.image.source=https://example.com/berth",
);
berth(folder, "image", "inspect", image);

chapter(
  "Change",
  "A label and an annotation. The index above the changed images is rebuilt; the old one stays, under its digest.",
);
berth(
  folder,
  "image",
  "mod",
  image,
  "--replace",
  "--label",
  "org.example.stage=demo",
  "--annotation",
  "org.example.made-by=berth",
);
const digest = berth(folder, "digest", image).trim();

chapter("Attach", "Its SBOMs, made by npm of this very project.");
const { sboms, scans } = reports();
check("there is an SBOM and a scan to attach", sboms.length > 0 && scans.length > 0);
function attach([name, type]: readonly [string, string]): void {
  berth(
    folder,
    "attach",
    image,
    `${name}:${type}`,
    "--artifact-type",
    type,
    "--annotation",
    `org.example.file=${name}`,
  );
}
for (const sbom of sboms) attach(sbom);
check("attaching left the image's digest as it was", quietly(folder, "digest", image).trim() === digest);

chapter("Sign", "With a key of its own, on disk: nothing was pushed yet. The form is that of cosign 3.");
berth(folder, "key", "generate");
berth(folder, "sign", image, "--key", "berth.key", "-a", "stage=demo");
berth(folder, "verify", image, "--key", "berth.pub", "-a", "stage=demo");

chapter(
  "Decide",
  "A policy says what has to hang on it. The scan by the project's own linter is missing, so it is refused.",
);
writeFileSync(join(folder, "policy.yaml"), POLICY);
process.stdout.write(`policy.yaml:\n${POLICY}\n`);
refused(folder, 11, "verify", image, "--policy", "policy.yaml", "--as", "team/berth");
for (const scan of scans) attach(scan);
berth(folder, "verify", image, "--policy", "policy.yaml", "--as", "team/berth");

chapter("Discover", "What hangs on the image, on disk.");
berth(folder, "discover", image);
const before = quietly(folder, "discover", image, "--json");

chapter(
  "Ship",
  "A registry from a folder, and everything copied into it: content first, manifests after it, the tag last.",
);
mkdirSync(join(folder, "registry"));
const server = await serve(folder, "registry", "--port", "0");
const remote = `${server.host}/team/berth:v1`;
berth(folder, "copy", image, remote, "--dry-run");
berth(folder, "copy", image, remote);
berth(folder, "discover", remote);
check("the registry has the same digest", quietly(folder, "digest", remote).trim() === digest);

chapter("Bring it back", "Into a second layout, as one would on the far side of an air gap.");
const back = "ocidir://back:v1";
berth(folder, "copy", remote, back);
check("the digest came back", quietly(folder, "digest", back).trim() === digest);
const referrers = (text: string): string[] => (text.match(/sha256:[0-9a-f]{64}/g) ?? []).toSorted();
const after = quietly(folder, "discover", back, "--json");
check(
  "everything that hung on it came back",
  new Set(referrers(before)).symmetricDifference(new Set(referrers(after))).size === 0,
);
berth(folder, "layout", "fsck", "back");

chapter(
  "Prove",
  "The SBOM pulled from the second layout is the file that was attached; a second copy finds nothing to do.",
);
for (const [name, type] of sboms) {
  const tree = JSON.parse(after) as { referrers: { digest: string; artifactType?: string }[] };
  const found = tree.referrers.find((referrer) => referrer.artifactType === type);
  berth(folder, "pull", `ocidir://back@${found?.digest ?? "missing"}`, "-o", "pulled");
  check(`${name} is byte-identical`, sha256(join(folder, "pulled", name)) === sha256(join(folder, name)));
}
berth(folder, "copy", image, remote);
const again = JSON.parse(quietly(folder, "copy", image, remote, "--json")) as {
  nodes: Record<string, number>;
  pushedBytes: number;
};
check(
  "a second copy moves nothing",
  again.pushedBytes === 0 && again.nodes["push"] === 0 && again.nodes["mount"] === 0,
);

chapter(
  "Promote",
  "To where it is used: judged by the policy, copied whole, its tags moved together, with a signed record of it all.",
);
const production = `${server.host}/prod/berth`;
berth(
  folder,
  "promote",
  remote,
  `${production}:v1`,
  "--tag",
  "stable",
  "--policy",
  "policy.yaml",
  "--key",
  "berth.key",
);
check("both tags are at the digest", quietly(folder, "digest", `${production}:stable`).trim() === digest);
berth(folder, "verify", `${production}:stable`, "--policy", "policy.yaml");
berth(folder, "signatures", `${production}:stable`, "--key", "berth.pub");
for (const { name, holds } of askPeers(folder, `${production}@${digest}`)) check(name, holds);
await server.stop();
check(
  "the registry's layout is whole",
  quietly(folder, "layout", "fsck", "registry/team/berth", "--json").includes('"clean":true'),
);

const failed = checks.filter(([, holds]) => !holds);
const total = checks.length;
process.stdout.write(`\n${digest}\n${total - failed.length} of ${total} checks hold. The layouts lie in ${folder}.\n`);
for (const [what] of failed) process.stdout.write(`✘ ${what}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
