#!/usr/bin/env node
// Any Node from 12 on can read this file: no static import, no newer syntax. It runs the compiled
// program, on the repository's own runtime where the Node that started it is too old.
var NEEDED = [24, 15];

function isOldNode(version) {
  var parts = version.split(".").map(Number);
  return parts[0] < NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] < NEEDED[1]);
}

function fail(sentence) {
  process.stderr.write("berth: " + sentence + "\n");
  process.exitCode = 1;
}

// In the user's own directory: what is cached is executed, so it must not lie where others can write.
function cacheCode() {
  var module = process.getBuiltinModule("module");
  var env = process.env;
  var base = env.XDG_CACHE_HOME || (env.HOME && env.HOME + "/.cache");
  if (env.NODE_COMPILE_CACHE) module.enableCompileCache();
  else if (base && base[0] === "/") module.enableCompileCache(base + "/berth/code");
}

function start() {
  cacheCode();
  return import("../dist/cli/main.js").catch(function (error) {
    if (!error || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    if (String(error.url).endsWith("/dist/cli/main.js")) {
      fail("The program is not built yet; run: npm run build");
    } else {
      fail("The installation is incomplete (" + error.message.split("\n")[0] + "); install berth again");
    }
  });
}

function startOnOwnRuntime() {
  return Promise.all([import("child_process"), import("fs"), import("path"), import("tty"), import("url")]).then(
    function (modules) {
      var fs = modules[1];
      var path = modules[2];
      var script = fs.realpathSync(modules[4].fileURLToPath(import.meta.url));
      var name = "node-" + process.platform + "-" + process.arch + "/bin/node";
      var root = path.dirname(path.dirname(script));
      var own = fs.realpathSync(process.execPath);
      // In the repository below it, installed next to it.
      var runtime = [path.join(root, "node_modules", name), path.join(root, "..", name)].find(function (file) {
        return fs.existsSync(file) && fs.realpathSync(file) !== own;
      });
      if (!runtime) {
        fail(
          "Node " +
            NEEDED.join(".") +
            " or newer is needed and this is Node " +
            process.versions.node +
            "; install a newer Node, or in a clone of the repository run npm ci, which brings one",
        );
        return;
      }
      runOn(runtime, script, modules[0], modules[3]);
    },
  );
}

function runOn(runtime, script, processes, tty) {
  var child = processes.spawn(runtime, [script].concat(process.argv.slice(2)), { stdio: "inherit" });
  // A terminal sends Ctrl-C and its hang-up to the child as well: passed on, they would count twice.
  var onTerminal = [0, 1, 2].some(function (fd) {
    return tty.isatty(fd);
  });
  ["SIGTERM", "SIGINT", "SIGHUP"].forEach(function (signal) {
    process.on(signal, function () {
      if (signal === "SIGTERM" || !onTerminal) child.kill(signal);
    });
  });
  child.on("error", function (error) {
    fail(
      "Cannot run the Node at " + runtime + " (" + error.message + "); install Node " + NEEDED.join(".") + " or newer",
    );
  });
  child.on("exit", function (code, signal) {
    if (!signal) {
      process.exitCode = code;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (isOldNode(process.versions.node)) startOnOwnRuntime();
else start();
