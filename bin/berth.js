#!/usr/bin/env node
// Any Node from 12.17 on can read this file: no static import, no node: prefix, no newer syntax. It runs
// the compiled program; where the Node that started it is too old, on the repository's own runtime.
const NEEDED = [24, 15];

function isTooOld(version) {
  const [major, minor] = version.split(".").map(Number);
  return major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]);
}

function fail(sentence) {
  process.stderr.write(`berth: ${sentence}\n`);
  process.exitCode = 1;
}

// In the user's own directory: what is cached is executed, so it must not lie where others can write.
function cacheCode() {
  const module = process.getBuiltinModule("module");
  const env = process.env;
  const base = env.XDG_CACHE_HOME || (env.HOME && `${env.HOME}/.cache`);
  if (env.NODE_COMPILE_CACHE) module.enableCompileCache();
  else if (base && base.startsWith("/")) module.enableCompileCache(`${base}/berth/code`);
}

function start() {
  cacheCode();
  let isRunning = true;
  // With nothing left to wait for, the program would never go on, and that must not look like a success.
  process.once("beforeExit", () => {
    if (isRunning) fail("The program stopped before it was done; this is a bug, please report it");
  });
  const program = import("../dist/cli/main.js").finally(() => {
    isRunning = false;
  });
  return program.catch((error) => {
    if (!error || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    if (String(error.url).endsWith("/dist/cli/main.js")) {
      fail("The program is not built yet; run: npm run build");
    } else {
      fail(`The installation is incomplete (${error.message.split("\n")[0]}); install berth again`);
    }
  });
}

function runOn(runtime, script, processes, tty) {
  const child = processes.spawn(runtime, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C and its hang-up to the child as well: passed on, they would count twice.
  const onTerminal = [0, 1, 2].some((descriptor) => tty.isatty(descriptor));
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal === "SIGTERM" || !onTerminal) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    fail(`Cannot run the Node at ${runtime} (${error.message}); install Node ${NEEDED.join(".")} or newer`);
  });
  child.on("exit", (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else {
      process.exitCode = code;
    }
  });
}

function startOnOwnRuntime() {
  const modules = [import("child_process"), import("fs"), import("path"), import("tty"), import("url")];
  return Promise.all(modules).then(([processes, fs, path, tty, url]) => {
    const script = fs.realpathSync(url.fileURLToPath(import.meta.url));
    const root = path.dirname(path.dirname(script));
    const name = `node-${process.platform}-${process.arch}/bin/node`;
    // Below the package as in a clone, or beside it as where somebody installed both.
    const runtime = [path.join(root, "node_modules", name), path.join(root, "..", name)].find(
      (file) => fs.existsSync(file) && fs.realpathSync(file) !== fs.realpathSync(process.execPath),
    );
    if (runtime) {
      runOn(runtime, script, processes, tty);
      return;
    }
    fail(
      `Node ${NEEDED.join(".")} or newer is needed and this is Node ${process.versions.node}; ` +
        "install a newer Node, or in a clone of the repository run npm ci, which brings one",
    );
  });
}

void (isTooOld(process.versions.node) ? startOnOwnRuntime() : start());
