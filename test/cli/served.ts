import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { finish, type Ran, startBerth } from "./berth.ts";

/** A running `berth serve`; disposing kills it. */
export interface Served extends AsyncDisposable {
  readonly firstLine: string;
  readonly host: string;
  signal(signal: NodeJS.Signals): void;
  stop(signal: NodeJS.Signals): Promise<Ran>;
}

/** Starts `berth serve` on a free port and waits for its first line. */
export async function serve(args: readonly string[], cwd: string): Promise<Served> {
  const child: ChildProcessWithoutNullStreams = startBerth(["serve", ...args, "--port", "0"], { cwd });
  const ended = finish(child);
  const firstLine = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve)),
    ended.then(({ err }): never => {
      throw new Error(err);
    }),
  ]);
  const stop = async (signal: NodeJS.Signals): Promise<Ran> => {
    child.kill(signal);
    return ended;
  };
  return {
    firstLine,
    host: /127\.0\.0\.1:\d+/.exec(firstLine)?.[0] ?? "",
    signal: (signal) => void child.kill(signal),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop("SIGKILL");
    },
  };
}
