import { spawnSync } from "node:child_process";

interface Program {
  readonly ask: readonly string[];
  readonly version: RegExp;
}

const VERSION = /(\d+\.\d+(?:\.\d+)?)/;
const PROGRAMS: Readonly<Record<string, Partial<Program>>> = {
  oras: { ask: ["version"], version: /Version:\s+(\S+)/ },
  crane: { ask: ["version"] },
  cosign: { ask: ["version"], version: /GitVersion:\s+v?(\S+)/ },
  cosign2: { ask: ["version"], version: /GitVersion:\s+v?(\S+)/ },
  nginx: { ask: ["-v"] },
  zot: { version: /"commit":"v?([^"-]*)/ },
};

const found = new Map<string, string | undefined>();

/** The version of a peer on PATH, or undefined with a loud word, once, on how to get it. */
export function peer(name: string): string | undefined {
  if (!found.has(name)) found.set(name, look(name));
  return found.get(name);
}

function look(name: string): string | undefined {
  const { ask = ["--version"], version = VERSION } = PROGRAMS[name] ?? {};
  const { error, stdout, stderr } = spawnSync(name, ask, { encoding: "utf8" });
  if (!error) return version.exec(`${stdout}\n${stderr}`)?.[1] ?? "(no version)";
  process.stderr.write(`SKIPPED: ${name} is not on PATH. docs/performance.md says how to get it.\n`);
  return undefined;
}
