import { run } from "../../src/cli/run.ts";
import type { BerthOptions } from "./berth.ts";

/** What a command line came to. */
export interface RanInside {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs a command line inside this process: the same parser, commands and output, without the
 * second that a process costs. What only a process has (signals, a closed pipe) is tested with `berth`.
 */
export async function inside(args: readonly string[], options: BerthOptions = {}): Promise<RanInside> {
  const written = { out: [] as Buffer[], err: [] as Buffer[] };
  const sink = (into: Buffer[]) => ({
    write(chunk: string | Uint8Array, done: (error?: Error | null) => void) {
      into.push(Buffer.from(chunk));
      done();
      return true;
    },
  });
  const input = Buffer.from(options.input ?? "");
  const code = await run(args, {
    env: { PATH: process.env["PATH"], ...options.env },
    cwd: options.cwd ?? process.cwd(),
    home: undefined,
    async *stdin() {
      if (input.length > 0) yield input;
    },
    stdout: sink(written.out),
    stderr: sink(written.err),
    signal: new AbortController().signal,
    interrupted: () => undefined,
    onHangup: () => undefined,
    outputFailed: () => false,
  });
  return { code, out: Buffer.concat(written.out).toString("utf8"), err: Buffer.concat(written.err).toString("utf8") };
}
