import { once } from "node:events";
import { open } from "node:fs/promises";
import sonicBoom from "sonic-boom";
import { errnoOf } from "../disk/error.ts";
import { OciError } from "../error/oci-error.ts";

export interface LineLogOptions {
  /** What it is, for messages: "access log". */
  readonly what: string;
  /** Each line is handed to the system at once, rather than within a second and with others. */
  readonly atOnce?: boolean;
  /** Called when lines cannot be written, once until they can be again. */
  readonly onTrouble?: (error: Error) => void;
  /** Called when they can be again, with the number of lines that are missing. */
  readonly onRecovery?: (missing: number) => void;
  /** Called when lines are lost, with their number: they could not be written, and too many others wait already. */
  readonly onLoss?: (lines: number) => void;
}

/** A file of lines. Whatever becomes of it, the server goes on. */
export interface LineLog extends AsyncDisposable {
  /** @param line without its end */
  write(line: string): void;
  /** Opens the file anew, for whoever moves full ones away. */
  reopen(): void;
}

/** Characters gathered before they are written, and bytes at most written at once. */
const GATHERED = 32 * 1024;
const WRITTEN = 64 * 1024;
/** Milliseconds that a line may wait for others. */
const PASSED_EVERY = 1000;
/** Milliseconds for the last lines. */
const CLOSED_WITHIN = 2000;
/** Bytes kept of what cannot be written; lines beyond are lost. */
const KEPT = 4 * 1024 * 1024;
/** Readable by the group: addresses of people are in it. */
const MODE = 0o640;

/** Asked first: SonicBoom does not get over a file that it could not open at all. */
async function requireWritable(path: string, what: string): Promise<void> {
  try {
    const handle = await open(path, "a", MODE);
    await handle.close();
  } catch (cause) {
    throw new OciError("IO", `Cannot write the ${what} ${JSON.stringify(path)}: ${errnoOf(cause) ?? "failed"}`, {
      cause,
      hint: "Give a file in a directory that exists and can be written, or - for standard output",
    });
  }
}

/**
 * Opens a file of lines.
 * @param target a path, to be appended to, or 1 for standard output
 * @throws OciError IO when it cannot be opened
 */
export async function openLineLog(target: string | 1, options: LineLogOptions): Promise<LineLog> {
  if (target !== 1) await requireWritable(target, options.what);
  const file = new sonicBoom.SonicBoom({
    dest: target,
    sync: false,
    append: true,
    mode: MODE,
    maxWrite: WRITTEN,
    maxLength: KEPT,
  });
  await once(file, "ready");
  const trouble = { known: false, missing: 0 };
  file.on("error", (error: Error) => {
    if (!trouble.known) options.onTrouble?.(error);
    trouble.known = true;
  });
  file.on("drop", (lines: string) => {
    const lost = lines.split("\n").length - 1;
    trouble.missing += lost;
    options.onLoss?.(lost);
  });
  file.on("write", (bytes: number) => {
    if (bytes === 0) return;
    if (trouble.known) options.onRecovery?.(trouble.missing);
    trouble.known = false;
    trouble.missing = 0;
  });
  // Gathered here, as many small writes would have SonicBoom measure all that waits once for each of them.
  let lines: string[] = [];
  let length = 0;
  const pass = (): void => {
    if (length === 0) return;
    file.write(`${lines.join("\n")}\n`);
    lines = [];
    length = 0;
  };
  const passing = setInterval(pass, PASSED_EVERY);
  passing.unref();
  let reopened: Promise<unknown> | undefined;
  return {
    write(line) {
      lines.push(line);
      length += line.length;
      if (options.atOnce || length >= GATHERED) pass();
    },
    reopen() {
      if (target === 1) return;
      // What was gathered belongs to the old one.
      pass();
      // A failure is told by the listener above.
      reopened = once(file, "ready").catch(() => {});
      file.reopen();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(passing);
      pass();
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      // Whoever reads the other end of a pipe may have stopped to.
      const timer = setTimeout(resolve, CLOSED_WITHIN);
      // SonicBoom that is told to end before it has opened its file anew does neither.
      await Promise.race([reopened, ended]);
      file.once("close", resolve).once("error", () => resolve());
      file.end();
      await ended;
      clearTimeout(timer);
      file.destroy();
    },
  };
}
