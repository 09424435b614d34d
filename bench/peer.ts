import { execFileSync } from "node:child_process";

const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  skopeo: ["--version"],
  oras: ["version"],
  crane: ["version"],
  regctl: ["version"],
  "docker-registry": ["--version"],
};

/** The version line of a peer on PATH, or undefined with a loud word on how to get it. */
export function peer(name: string): string | undefined {
  try {
    const out = execFileSync(name, VERSIONS[name] ?? ["--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return (out.split("\n").find((line) => /\d+\.\d+/.test(line)) ?? out.split("\n")[0] ?? "").trim() || "(no version)";
  } catch {
    process.stderr.write(`SKIPPED: ${name} is not on PATH. CONTRIBUTING.md says how to get it.\n`);
    return undefined;
  }
}
