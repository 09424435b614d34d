/**
 * `npm run conformance [-- --record]`: runs the OCI distribution conformance program against `berth serve`
 * and fails on anything but a pass. With --record it writes docs/conformance.md.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { complaints, type Outcome, parseCounts, parseVerdicts } from "./conformance/outcome.ts";
import { findProgram, MODULE, VERSION } from "./conformance/program.ts";
import { type Recorded, recordPage } from "./conformance/record.ts";

interface Run {
  readonly name: string;
  /** Of `berth serve`, beside the folder. */
  readonly serve: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  /** What the settings switch off. */
  readonly disabled: readonly string[];
}

const RUNS: readonly Run[] = [
  {
    name: "strict",
    serve: ["--sparse", "conformance/*"],
    settings: { OCI_VERSION: "dev", OCI_DATA_SPARSE: "true" },
    disabled: [],
  },
  { name: "default", serve: [], settings: { OCI_VERSION: "dev" }, disabled: ["Sparse Manifests"] },
];
/** Milliseconds for one run, which takes seconds. */
const RUN_TIME = 5 * 60 * 1000;

const root = dirname(import.meta.dirname);

interface Server {
  readonly host: string;
  readonly child: ChildProcess;
}

async function startServer(folder: string, options: readonly string[]): Promise<Server> {
  const main = join(root, "src/cli/main.ts");
  const child = spawn(process.execPath, [main, "serve", folder, "--port", "0", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(() => "");
  const line = await Promise.race([once(createInterface(child.stdout), "line").then(([text]) => String(text)), ended]);
  const host = /^http:\/\/(\S+)$/.exec(line)?.[1];
  if (host === undefined) throw new Error(`berth serve did not start: ${line}`);
  return { host, child };
}

async function conform(program: string, run: Run): Promise<{ readonly outcome: Outcome; readonly printed: string }> {
  const work = mkdtempSync(join(tmpdir(), "berth-conformance-"));
  const folder = mkdtempSync(join(tmpdir(), "berth-conformance-"));
  const { host, child } = await startServer(folder, run.serve);
  try {
    const { stdout } = spawnSync(program, [], {
      cwd: work,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      timeout: RUN_TIME,
      env: {
        PATH: process.env["PATH"],
        OCI_REGISTRY: host,
        OCI_TLS: "disabled",
        OCI_REPO1: "conformance/one",
        OCI_REPO2: "conformance/two",
        OCI_RESULTS_DIR: work,
        ...run.settings,
      },
    });
    // It ends with 0 also when it never ran; what it wrote decides.
    const results = join(work, "results.yaml");
    const verdicts = existsSync(results) ? parseVerdicts(readFileSync(results, "utf8")) : [];
    return { outcome: { verdicts, counts: parseCounts(stdout) }, printed: stdout };
  } finally {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
    for (const path of [work, folder]) rmSync(path, { recursive: true, force: true });
  }
}

function describe(name: string, { counts: c }: Outcome): string {
  return `${name}: ${c.total} checks: ${c.pass} Pass, ${c.fail} FAIL, ${c.error} Error, ${c.skip} Skip, ${c.disabled} Disabled`;
}

const { values } = parseArgs({ options: { record: { type: "boolean", default: false } } });
const found = findProgram(join(root, "node_modules/.cache/oci-conformance"));
if ("missing" in found) {
  console.error(`
!!! The OCI conformance suite did NOT run: ${found.missing}
!!! It needs Go 1.24 or newer and the Go module proxy (https://go.dev/doc/install), which build
!!! ${MODULE}@${VERSION}; a program built elsewhere is named by OCI_CONFORMANCE.
`);
  process.exit(0);
}
const recorded: Recorded[] = [];
for (const run of RUNS) {
  const { outcome, printed } = await conform(found.program, run);
  const wrong = complaints(outcome, run.disabled);
  console.log(`${wrong.length === 0 ? "✔" : "✖"} ${describe(run.name, outcome)}`);
  if (wrong.length > 0) {
    const bad = printed.split("\n").filter((line) => /: (?:FAIL|Error|Skip)$|^ +- /.test(line));
    console.error([...bad, ...wrong].join("\n"));
    process.exitCode = 1;
  }
  const settings = Object.entries(run.settings).map((entry) => entry.join("="));
  const serve = ["berth serve FOLDER", ...run.serve].join(" ");
  recorded.push({ name: run.name, settings: settings.join(" "), serve, outcome });
}
if (values.record && process.exitCode === undefined) {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
  const page = recordPage(recorded, {
    date: new Date().toISOString().slice(0, 10),
    berth: version,
    node: process.versions.node,
    system: `${platform()}/${arch()}`,
  });
  writeFileSync(join(root, "docs/conformance.md"), page);
  console.log("Wrote docs/conformance.md");
}
