/**
 * The program: importing this module runs the command line of the process. It is the only
 * place that knows `process`; everything below gets what it needs handed down.
 */
import { constants, homedir } from "node:os";
import { OciError } from "../error/oci-error.ts";
import { run } from "./run.ts";

const controller = new AbortController();
let interrupted: number | undefined;
/** The exit code that a failed standard output asks for. */
let outputFailed: number | undefined;

function onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  const code = 128 + constants.signals[signal];
  // The second one does not wait for any clean-up.
  if (interrupted !== undefined) process.exit(code);
  interrupted = code;
  controller.abort(new OciError("INTERRUPTED", "Interrupted"));
}

/** Called at a SIGHUP; where there is none, it ends the program. */
const hangupListeners: (() => void)[] = [];

function onOutputError(error: Error): void {
  const code = "code" in error ? error.code : undefined;
  if (outputFailed === undefined) {
    // Nobody reads any more (`| head -1`): that is not a failure, only the end.
    outputFailed = code === "EPIPE" ? 0 : new OciError("NO_SPACE", "").facts.exit;
    if (code !== "EPIPE") process.stderr.write(`berth: Cannot write the result: ${error.message}\n`);
  }
  controller.abort(new OciError("INTERRUPTED", "Nobody reads the output"));
}

function findHome(): string | undefined {
  try {
    return process.env["HOME"] ?? homedir();
  } catch {
    // A user without an entry in the password file has no home.
    return undefined;
  }
}

async function findDirectory(): Promise<string> {
  try {
    return process.cwd();
  } catch (cause) {
    const error = new OciError("IO", "The working directory does not exist any more", {
      hint: "Change to a directory that does, and try again",
      cause,
    });
    const { reportError } = await import("./report.ts");
    const { lines, exit } = reportError(error, { debug: false });
    process.stderr.write(`${lines.join("\n")}\n`);
    process.exit(exit);
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
process.on("SIGHUP", () => {
  if (hangupListeners.length === 0) onSignal("SIGHUP");
  for (const listener of hangupListeners) listener();
});
process.stdout.on("error", onOutputError);
process.stderr.on("error", () => undefined);

const code = await run(process.argv.slice(2), {
  env: process.env,
  cwd: await findDirectory(),
  home: findHome(),
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
  interrupted: () => interrupted,
  onHangup: (listener) => {
    hangupListeners.push(listener);
  },
  outputFailed: () => outputFailed !== undefined,
});
await new Promise<void>((resolve) => {
  process.stdout.write("", () => {
    resolve();
  });
});
process.exit(outputFailed ?? code);
