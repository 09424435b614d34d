import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { berth, ENVIRONMENT } from "./shell.ts";

interface Answer {
  readonly name: string;
  readonly holds: boolean;
}

/** Nobody vouches for anything: the key alone counts. */
const NO_ROOT = {
  mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  tlogs: [],
  certificateAuthorities: [],
  ctlogs: [],
  timestampAuthorities: [],
};

/** What other tools say of what berth signed. A tool that is not on PATH is not asked, and that is told. */
export function askPeers(folder: string, reference: string): readonly Answer[] {
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  return [
    askCosign("cosign", folder, reference),
    askCosign("cosign2", folder, reference),
    askNotation(folder, reference),
  ].filter((answer) => answer !== undefined);
}

function run(program: string, folder: string, args: readonly string[]): boolean | undefined {
  const home = join(folder, "home");
  const env = { ...ENVIRONMENT, HOME: home, XDG_CONFIG_HOME: join(home, ".config") };
  const { error, status, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8", env });
  if (error) {
    process.stdout.write(`(${program} is not on PATH: it is not asked)\n`);
    return undefined;
  }
  if (status !== 0) process.stdout.write(stderr);
  return status === 0;
}

function askCosign(program: string, folder: string, reference: string): Answer | undefined {
  writeFileSync(join(folder, "root.json"), JSON.stringify(NO_ROOT));
  const trust = ["--key", "berth.pub", "--insecure-ignore-tlog", "--trusted-root", "root.json"];
  const holds = run(program, folder, ["verify", ...trust, "-a", "stage=demo", "--allow-http-registry", reference]);
  return holds === undefined ? undefined : { name: `${program} verifies what berth signed on disk`, holds };
}

/** notation makes a certificate for the occasion, berth signs with it, notation verifies. */
function askNotation(folder: string, reference: string): Answer | undefined {
  const made = run("notation", folder, ["cert", "generate-test", "demo"]);
  if (made === undefined) return undefined;
  const config = join(folder, "home", ".config", "notation");
  const policy = {
    name: "demo",
    registryScopes: ["*"],
    signatureVerification: { level: "strict" },
    trustStores: ["ca:demo"],
    trustedIdentities: ["*"],
  };
  writeFileSync(join(config, "trustpolicy.json"), JSON.stringify({ version: "1.0", trustPolicies: [policy] }));
  const keys = "home/.config/notation/localkeys";
  berth(folder, "sign", reference, "--key", `${keys}/demo.key`, "--certificate", `${keys}/demo.crt`);
  const holds = made && run("notation", folder, ["verify", "--insecure-registry", reference]) === true;
  return { name: "notation verifies what berth signed as notation does", holds };
}
