import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";

const root = join(import.meta.dirname, "../..");

/** The fenced blocks of the README under a marker, in order. */
async function blocks(marker: string): Promise<string[]> {
  const text = await readFile(join(root, "README.md"), "utf8");
  return [...text.matchAll(new RegExp(`<!-- ${marker} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    (match) => match[1] ?? "",
  );
}

describe("the README's tour", () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let server: ChildProcess | undefined;

  before(async () => {
    // What somebody has in a clone, so that nothing is left behind in this one.
    folder = await mkdtemp(join(tmpdir(), "berth-readme-"));
    for (const part of ["package.json", "package-lock.json", "bin", "dist", "runtime"]) {
      await cp(join(root, part), join(folder, part), { recursive: true });
    }
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    const bin = join(folder, "path");
    await mkdir(bin);
    await writeFile(join(bin, "berth"), `#!/bin/sh\nexec "${process.execPath}" "${folder}/bin/berth.js" "$@"\n`);
    await chmod(join(bin, "berth"), 0o755);
    env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, npm_config_loglevel: "error" };
  });

  after(async () => {
    if (server && server.exitCode === null) {
      const gone = new Promise((resolve) => server?.once("exit", resolve));
      server.kill("SIGTERM");
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts the block that serves, on a port that is free, and gives the port. */
  async function startServer(): Promise<string> {
    const [block = ""] = await blocks("ci:serve");
    assert.match(block, /--port 5000/);
    const script = block.replace("--port 5000", "--port 0").replace("berth serve", "exec berth serve");
    const child = spawn("sh", ["-ec", script], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
    server = child;
    return await new Promise((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        const port = /:(\d+)/.exec(chunk.toString())?.[1];
        if (port !== undefined) resolve(port);
      });
      child.once("exit", (code) => reject(new Error(`The server ended with ${code}`)));
    });
  }

  test("runs as it is written, command line and library", async () => {
    const tour = await blocks("ci:tour");
    assert.ok(tour.length >= 3);
    const port = await startServer();
    for (const block of tour) {
      const script = block.replaceAll("localhost:5000", `localhost:${port}`);
      const run = spawnSync("sh", ["-ec", script], { cwd: folder, env, encoding: "utf8" });
      assert.equal(run.status, 0, `${script}\n${run.stdout}\n${run.stderr}`);
      if (script.includes("fsck")) assert.match(run.stdout, /clean/);
    }
    const [library = ""] = await blocks("ci:library");
    await writeFile(join(folder, "library.mjs"), library.replaceAll("localhost:5000", `localhost:${port}`));
    const run = spawnSync(process.execPath, ["library.mjs"], { cwd: folder, env, encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^\d+ pushed, 0 there already\n$/);
  });
});
