import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const MAIN = join(dirname(dirname(import.meta.dirname)), "src/cli/main.ts");
/** Milliseconds for a server to say its address, or to end. */
const PATIENCE = 60_000;

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A program that runs the server, such as `prlimit --nofile=64`. */
  readonly prefix?: readonly string[];
  readonly args?: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A `berth serve` in a process of its own; disposing kills it. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  isRunning(): boolean;
  stderr(): string;
  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<Ended>;
  readonly ended: Promise<Ended>;
}

/** Starts a server on a free port. @throws Error with what it said when it ends before it serves */
export async function startServer(root: string, options: ServerOptions = {}): Promise<Server> {
  const [command = process.execPath, ...args] = [
    ...(options.prefix ?? []),
    process.execPath,
    MAIN,
    "serve",
    root,
    "--port",
    "0",
    ...(options.args ?? []),
  ];
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH,
      HOME,
      // Faults of one call hit what they are meant to: every file operation is a call of its own.
      UV_USE_IO_URING: "0",
      NODE_COMPILE_CACHE: join(dirname(root), "compiled"),
      ...options.env,
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = endOf(child, () => stderr);
  const line = await within(
    Promise.race([
      new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve)),
      ended.then((end): never => {
        throw new Error(`The server ended: ${JSON.stringify(end)}`);
      }),
    ]),
    "the server's first line",
  );
  // Nobody may be waiting when it ends.
  ended.catch(() => undefined);
  const stop = async (signal: NodeJS.Signals): Promise<Ended> => {
    child.kill(signal);
    return await within(ended, `the server's end after ${signal}`);
  };
  return {
    url: line,
    pid: child.pid ?? 0,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stderr: () => stderr,
    stop,
    ended,
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
    },
  };
}

async function endOf(child: ChildProcess, stderr: () => string): Promise<Ended> {
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, stderr: stderr() };
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Waited ${PATIENCE} ms for ${what}`)), PATIENCE);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
