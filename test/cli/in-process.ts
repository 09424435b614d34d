import { fromBuffer } from "../../src/bytes/bytes.ts";
import { run } from "../../src/cli/run.ts";
import type { Sink } from "../../src/cli/output.ts";

export interface RanHere {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, whole but for what only a process has: signals and a terminal. */
export async function runHere(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string },
): Promise<RanHere> {
  const written = { out: "", err: "" };
  const sink = (name: "out" | "err"): Sink => ({
    write: (chunk, done) => {
      written[name] += Buffer.from(chunk as Uint8Array).toString();
      done();
      return true;
    },
  });
  const code = await run(args, {
    env: options.env ?? {},
    cwd: options.cwd,
    home: undefined,
    stdin: () => fromBuffer(Buffer.from(options.input ?? "")),
    stdout: sink("out"),
    stderr: sink("err"),
    signal: new AbortController().signal,
    interrupted: () => undefined,
    onHangup: () => undefined,
    outputFailed: () => false,
  });
  return { code, ...written };
}

/** The JSON that a command line prints, which has to succeed. */
export async function jsonHere(args: readonly string[], cwd: string): Promise<Record<string, unknown>> {
  const ran = await runHere([...args, "--json"], { cwd });
  if (ran.code !== 0) throw new Error(ran.err);
  return JSON.parse(ran.out) as Record<string, unknown>;
}
