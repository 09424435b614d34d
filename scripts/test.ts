/**
 * `npm test [-- --coverage | --interop] [FILTER…]`: runs the suites straight from TypeScript.
 * A filter is part of a test file's path.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

/** Percent of src/ that the suites have to reach; only ever raised. */
const THRESHOLDS = { lines: 80, branches: 75, functions: 80 } as const;
/** Test files run at once. */
const CONCURRENCY = 2;
/** Milliseconds for one test. */
const TIMEOUT = 5 * 60 * 1000;

const root = dirname(import.meta.dirname);

const { values, positionals } = parseArgs({
  options: { coverage: { type: "boolean", default: false }, interop: { type: "boolean", default: false } },
  allowPositionals: true,
});

const files = globSync(values.interop ? "test/interop/**/*.test.ts" : "test/**/*.test.ts", { cwd: root })
  .filter((file) => positionals.length === 0 || positionals.some((filter) => file.includes(filter)))
  .toSorted();

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
      ...(values.coverage ? coverage : []),
      ...files,
    ],
    { cwd: root, stdio: "inherit" },
  );
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
