import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface BerthOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly out: string;
  readonly err: string;
}

/** The command that runs berth from its sources, for a shell. */
export const shellCommand: string = `'${process.execPath}' '${MAIN}'`;

/** Starts the real command line; nothing of the caller's environment but PATH and HOME reaches it. */
export function startBerth(args: readonly string[], options: BerthOptions = {}): ChildProcessWithoutNullStreams {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { PATH, HOME, ...options.env },
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  return child;
}

/** What a started program comes to. */
export async function finish(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const whole = Buffer.concat(stdout);
  return { code, signal, stdout: whole, out: whole.toString("utf8"), err: Buffer.concat(stderr).toString("utf8") };
}

/** Runs the real command line to its end. */
export async function berth(args: readonly string[], options: BerthOptions = {}): Promise<Ran> {
  return finish(startBerth(args, options));
}
