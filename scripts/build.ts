/**
 * `npm run build`: compiles src/ into dist/, and bundles the command line into dist/cli/.
 *
 * The compiler writes into a directory of its own and only what changed is moved into dist/, file by
 * file, so that a program that runs from dist/ meanwhile, or a second build, never sees half a file.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");
const STAGING = "dist-";

function filesOf(directory: string): Set<string> {
  const entries = globSync("**/*", { cwd: directory, withFileTypes: true });
  return new Set(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1)),
  );
}

function same(left: string, right: string): boolean {
  return existsSync(right) && readFileSync(left).equals(readFileSync(right));
}

/** Makes dist/ equal to what was compiled; returns how many files changed. */
function settle(staged: string): number {
  const fresh = filesOf(staged);
  let changed = 0;
  for (const file of fresh) {
    if (same(join(staged, file), join(dist, file))) continue;
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    renameSync(join(staged, file), join(dist, file));
    changed += 1;
  }
  for (const file of filesOf(dist)) {
    if (fresh.has(file)) continue;
    rmSync(join(dist, file), { force: true });
    changed += 1;
  }
  return changed;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Removes what builds that were killed left behind. */
function sweep(): void {
  for (const leftover of globSync(`${STAGING}*`, { cwd: root })) {
    if (!isRunning(Number(leftover.slice(STAGING.length))))
      rmSync(join(root, leftover), { recursive: true, force: true });
  }
}

/** npm links the bins of dependencies only; with this, `npx berth` in the repository is the repository's. */
function linkBin(): void {
  const bins = join(root, "node_modules/.bin");
  const target = "../../bin/berth.js";
  if (!existsSync(bins)) return;
  try {
    symlinkSync(target, join(bins, "berth"));
  } catch (error) {
    const known = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!known || readlinkSync(join(bins, "berth")) !== target) throw error;
  }
}

async function build(): Promise<number> {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  if (!existsSync(compiler)) {
    console.log("Nothing built: the development dependencies are not installed");
    return 0;
  }
  const started = performance.now();
  sweep();
  linkBin();
  const staged = join(root, `${STAGING}${process.pid}`);
  try {
    const run = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", staged], {
      cwd: root,
      stdio: "inherit",
    });
    if (run.status !== 0) return 1;
    // The command line is no part of the library: its modules are left out for its bundle.
    rmSync(join(staged, "cli"), { recursive: true, force: true });
    const { bundle } = await import("./bundle/bundle.ts");
    await bundle(root, join(staged, "cli"));
    mkdirSync(dist, { recursive: true });
    const changed = settle(staged);
    console.log(`Built dist: ${changed} files changed, ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return 0;
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

process.exitCode = await build();
