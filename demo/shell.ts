import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root: string = join(import.meta.dirname, "..");
/** The demo's key is for the demo only: it has no password. */
export const ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env, COSIGN_PASSWORD: "" };
const color: boolean = process.stdout.isTTY && !process.env["NO_COLOR"];

function paint(code: number, text: string): string {
  return color ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** A heading and the reason for what follows. */
export function chapter(title: string, why: string): void {
  process.stdout.write(`\n${paint(1, `── ${title} `)}\n${paint(2, why)}\n\n`);
}

/** A word that a command line may need quoted, as a reader would write it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`;
}

/** Runs berth, its command line shown before its output; gives what it wrote to standard output. */
export function berth(folder: string, ...args: readonly string[]): string {
  return refused(folder, 0, ...args);
}

/** The same of a command that has to end with a certain exit code. */
export function refused(folder: string, code: number, ...args: readonly string[]): string {
  process.stdout.write(`${paint(36, `$ berth ${args.map(quote).join(" ")}`)}\n`);
  const launcher = join(root, "bin", "berth.js");
  if (!existsSync(join(root, "dist"))) throw new Error("Nothing is built: run npm ci first");
  const run = spawnSync(process.execPath, [launcher, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: ENVIRONMENT,
  });
  process.stdout.write(run.stdout);
  process.stdout.write(run.stderr);
  if (run.status !== code) throw new Error(`berth ${args[0]} ended with ${run.status ?? run.signal}, not ${code}`);
  return run.stdout;
}

/** The same without showing it: for what the demo checks, not what it teaches. */
export function quietly(folder: string, ...args: readonly string[]): string {
  const run = spawnSync(process.execPath, [join(root, "bin", "berth.js"), ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: ENVIRONMENT,
  });
  if (run.status !== 0) throw new Error(`berth ${args.join(" ")} ended with ${run.status}: ${run.stderr}`);
  return run.stdout;
}

/** Output of another program of this repository, or undefined when it could not answer. */
export function capture(program: string, ...args: readonly string[]): string | undefined {
  const path = `${join(root, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`;
  const run = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, PATH: path },
  });
  return run.status === 0 && run.stdout.trim() !== "" ? run.stdout : undefined;
}

export interface Server {
  readonly host: string;
  stop(): Promise<void>;
}

/** Starts `berth serve` and waits for its first line, the address. */
export async function serve(folder: string, ...args: readonly string[]): Promise<Server> {
  process.stdout.write(`${paint(36, `$ berth serve ${args.map(quote).join(" ")} &`)}\n`);
  const child = spawn(process.execPath, [join(root, "bin", "berth.js"), "serve", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const host = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      const address = /https?:\/\/([^\s/]+)/.exec(out);
      if (!address?.[1]) return;
      process.stdout.write(out);
      resolve(address[1]);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`berth serve ended before it had an address: ${out}`)));
  });
  return { host, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}
