/**
 * `npm test [-- --coverage | --interop] [FILTER…]`: runs the suites straight from TypeScript.
 * A filter is part of a test file's path. Where CI is set, a whole run has coverage unasked.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs, stripVTControlCharacters } from "node:util";

/** Percent of src/ that the suites have to reach; only ever raised. */
const THRESHOLDS = { lines: 80, branches: 75, functions: 80 } as const;
/** Test files run at once. */
const CONCURRENCY = 2;
/** Milliseconds for one test. */
const TIMEOUT = 5 * 60 * 1000;

/** A line of the runner's summary. */
const SUMMARY = /^ℹ (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

const root = dirname(import.meta.dirname);

const { values, positionals } = parseArgs({
  options: { coverage: { type: "boolean", default: false }, interop: { type: "boolean", default: false } },
  allowPositionals: true,
});

const files = globSync(values.interop ? "test/interop/**/*.test.ts" : "test/**/*.test.ts", { cwd: root })
  .filter((file) => positionals.length === 0 || positionals.some((filter) => file.includes(filter)))
  .toSorted();

const whole = !values.interop && positionals.length === 0;
const covered = values.coverage || (whole && Boolean(process.env["CI"]));

const coverage = [
  "--experimental-test-coverage",
  "--test-coverage-include=src/**",
  `--test-coverage-lines=${THRESHOLDS.lines}`,
  `--test-coverage-branches=${THRESHOLDS.branches}`,
  `--test-coverage-functions=${THRESHOLDS.functions}`,
];

if (files.length === 0) {
  console.error(`No test file matches ${positionals.join(", ")}`);
  process.exitCode = 1;
} else {
  const child = spawn(
    process.execPath,
    [
      "--test",
      "--test-reporter=spec",
      `--test-concurrency=${CONCURRENCY}`,
      `--test-timeout=${TIMEOUT}`,
      ...(covered ? coverage : []),
      ...files,
    ],
    {
      cwd: root,
      env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}) },
      stdio: ["inherit", "pipe", "inherit"],
    },
  );
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  // The runner prints coverage and failures after its summary; the summary is what has to stand last.
  let summary: string[] = [];
  let isLast = false;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    isLast = SUMMARY.test(stripVTControlCharacters(line));
    if (!isLast) continue;
    if (stripVTControlCharacters(line).startsWith("ℹ tests ")) summary = [];
    summary.push(line);
  }
  if (!isLast) console.log(`\n${summary.join("\n")}`);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  process.exitCode = child.exitCode ?? 1;
}
