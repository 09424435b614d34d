/**
 * `npm run check [-- --no-test]`: the gate. Runs every step in order, stops at the first that fails
 * and says which. A step's output is shown only when it fails; the tests' always.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

interface Step {
  readonly name: string;
  readonly run: readonly string[];
  /** What to do when it fails. */
  readonly cure: string;
  readonly show?: boolean;
}

const root = dirname(import.meta.dirname);
const node = process.execPath;

const { values } = parseArgs({ options: { "no-test": { type: "boolean", default: false } } });

const tests: Step = {
  name: "tests with coverage",
  run: [node, "scripts/test.ts", "--coverage"],
  cure: "repeat one with: npm test -- PART-OF-ITS-PATH",
  show: true,
};

const steps: readonly Step[] = [
  { name: "format", run: ["oxfmt", "--check"], cure: "run: npm run format" },
  {
    name: "lint",
    run: ["oxlint", "--type-aware", "--deny-warnings"],
    cure: "see above; some are mended by: npm run lint -- --fix",
  },
  { name: "types", run: ["tsc", "-p", "tsconfig.json"], cure: "see above" },
  { name: "build", run: [node, "scripts/build.ts"], cure: "see above" },
  { name: "generated docs", run: [node, "scripts/docs.ts", "--check"], cure: "run: npm run docs" },
  ...(values["no-test"] ? [] : [tests]),
  { name: "package (publint)", run: ["publint", "--strict"], cure: "see above" },
  { name: "package types (attw)", run: ["attw", "--pack", ".", "--profile", "esm-only"], cure: "see above" },
];

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

function passes(step: Step): boolean {
  const started = performance.now();
  const [command = node, ...args] = step.run;
  const run = spawnSync(command, args, {
    cwd: root,
    // The tools come from the repository, whatever is installed beside it.
    env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
    stdio: step.show ? "inherit" : ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.status === 0) {
    console.log(`✔ ${step.name} (${seconds(started)})`);
    return true;
  }
  if (run.stdout) process.stdout.write(run.stdout);
  if (run.stderr) process.stderr.write(run.stderr);
  const how = run.error?.message ?? (run.signal ? `ended by ${run.signal}` : `exit code ${run.status}`);
  console.error(`\n✖ ${step.name} failed (${how}): ${step.cure}`);
  return false;
}

const started = performance.now();
const passed = steps.every(passes);
if (passed) console.log(`\nThe gate is open: ${steps.length} steps in ${seconds(started)}`);
else process.exitCode = 1;
