import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");
/** Makes the Node that runs the launcher say that it is an old one. */
const PRETEND = `--import=data:text/javascript,${encodeURIComponent(
  `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })`,
)}`;
const TOO_OLD = /^berth: Node 24\.15 or newer is needed and this is Node [\d.]+; install .*\n$/;

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("bin/berth.js", () => {
  let folder: string;
  let launcher: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "berth-launcher-"));
    launcher = join(folder, "package/bin/berth.js");
    mkdirSync(dirname(launcher), { recursive: true });
    copyFileSync(join(root, "bin/berth.js"), launcher);
    writeFileSync(join(folder, "package/package.json"), `{ "type": "module" }`);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function writeProgram(source: string): void {
    mkdirSync(join(folder, "package/dist/cli"), { recursive: true });
    writeFileSync(join(folder, "package/dist/cli/main.js"), source);
  }

  function writeRuntime(place: string): void {
    const runtime = join(folder, place, `node-${process.platform}-${process.arch}/bin/node`);
    mkdirSync(dirname(runtime), { recursive: true });
    writeFileSync(runtime, `#!/bin/sh\nOWN_RUNTIME=yes exec '${process.execPath}' "$@"\n`);
    chmodSync(runtime, 0o755);
  }

  const env = (): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"], HOME: folder });

  function run(args: readonly string[], command: string = process.execPath): Result {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", env: env(), input: "from stdin" });
    return { code: status, stdout, stderr };
  }

  it("runs the program and keeps its compiled code in the user's cache", () => {
    writeProgram(`console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;`);
    assert.deepEqual(run([launcher, "one", "--two"]), { code: 7, stdout: '["one","--two"]\n', stderr: "" });
    assert.ok(existsSync(join(folder, ".cache/berth/code")));
  });

  it("says in one sentence that nothing is built", () => {
    assert.deepEqual(run([launcher, "version"]), {
      code: 1,
      stdout: "",
      stderr: "berth: The program is not built yet; run: npm run build\n",
    });
  });

  it("says in one sentence that a dependency is missing", () => {
    writeProgram(`import "a-package-that-is-not-there";`);
    const { code, stderr } = run([launcher]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^berth: The installation is incomplete \(.*a-package-that-is-not-there.*\); install berth again\n$/,
    );
  });

  it("does not hide an error of the program itself", () => {
    writeProgram(`throw new Error("broken inside");`);
    const { code, stderr } = run([launcher]);
    assert.equal(code, 1);
    assert.match(stderr, /broken inside/);
  });

  it("says in one sentence that Node is too old where there is no other", () => {
    writeProgram(`console.log("ran");`);
    const { code, stdout, stderr } = run([PRETEND, launcher, "version"]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, TOO_OLD);
  });

  for (const [where, place] of [
    ["below the package", "package/node_modules"],
    ["beside the package", "."],
  ] as const) {
    it(`runs on the runtime ${where} when Node is too old`, () => {
      writeRuntime(place);
      writeProgram(
        `let text = ""; for await (const chunk of process.stdin) text += chunk;` +
          `console.log(process.env.OWN_RUNTIME, process.argv.slice(2).join(), text); process.exit(5);`,
      );
      assert.deepEqual(run([PRETEND, launcher, "a b", "c"]), { code: 5, stdout: "yes a b,c from stdin\n", stderr: "" });
    });
  }

  it("says so when the runtime that is there cannot run", () => {
    writeRuntime("package/node_modules");
    chmodSync(join(folder, "package/node_modules", `node-${process.platform}-${process.arch}/bin/node`), 0o644);
    const { code, stderr } = run([PRETEND, launcher]);
    assert.equal(code, 1);
    assert.match(stderr, /^berth: Cannot run the Node at .*EACCES.*\n$/);
  });

  async function started(
    program: string,
  ): Promise<ChildProcess & { readonly stdout: NonNullable<ChildProcess["stdout"]> }> {
    writeRuntime("package/node_modules");
    writeProgram(program);
    const child = spawn(process.execPath, [PRETEND, launcher], { env: env(), stdio: ["ignore", "pipe", "ignore"] });
    await once(child.stdout, "data");
    return child;
  }

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    it(`passes ${signal} on and ends with the program's code`, async () => {
      const child = await started(
        `setInterval(() => {}, 1000); process.on("${signal}", () => process.exit(42)); console.log("ready");`,
      );
      const ended = once(child, "exit");
      child.kill(signal);
      assert.deepEqual(await ended, [42, null]);
    });
  }

  it("dies of the signal that the program died of", async () => {
    const child = await started(`setInterval(() => {}, 1000); console.log("ready");`);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [null, "SIGTERM"]);
  });

  it("is understood by an older Node of this machine", (t) => {
    const old = (process.env["PATH"] ?? "")
      .split(delimiter)
      .map((place) => join(place, "node"))
      .filter((file) => existsSync(file))
      .find((file) => /^v(?:1[2-9]|2[0-3])\./.test(spawnSync(file, ["--version"], { encoding: "utf8" }).stdout));
    if (old === undefined) {
      t.skip("no Node older than 24 found on PATH: apt-get install nodejs");
      return;
    }
    const refused = run([launcher, "version"], old);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, TOO_OLD);
    writeRuntime("package/node_modules");
    writeProgram(`console.log(process.env.OWN_RUNTIME);`);
    assert.deepEqual(run([launcher], old), { code: 0, stdout: "yes\n", stderr: "" });
  });
});
