import { once } from "node:events";
import { open } from "node:fs/promises";
import sonicBoom from "sonic-boom";
import { errnoOf } from "../disk/error.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { requestPath } from "./request-path.ts";
import type { ServerEvent } from "./serve.ts";

export interface AccessLogOptions {
  /** Called when lines cannot be written, once until they can be again. */
  readonly onTrouble?: (error: Error) => void;
  /** Called when they can be again, with the number of lines that are missing. */
  readonly onRecovery?: (missing: number) => void;
}

/** A line of JSON for each request. Whatever becomes of the file, the server goes on. */
export interface AccessLog extends AsyncDisposable {
  write(event: ServerEvent): void;
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
/** What is shown of texts that a client chose. */
const SHOWN_PATH = 2048;
const SHOWN_AGENT = 512;

/** Controls that JSON does not escape, and some terminals obey. */
const CONTROLS = /[\u007f-\u009f]/g;

function shown(text: string, length: number): string {
  return (text.length > length ? `${text.slice(0, length)}…` : text).replace(CONTROLS, "\ufffd");
}

/** Asked first: SonicBoom does not get over a file that it could not open at all. */
async function requireWritable(path: string): Promise<void> {
  try {
    const handle = await open(path, "a", MODE);
    await handle.close();
  } catch (cause) {
    throw new OciError("IO", `Cannot write the access log ${JSON.stringify(path)}: ${errnoOf(cause) ?? "failed"}`, {
      cause,
      hint: "Give a file in a directory that exists and can be written, or - for standard output",
    });
  }
}

/** Makes the time of a line; many share a millisecond. */
function clock(): () => string {
  let last = 0;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== last) {
      last = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}

function lineOf(event: ServerEvent, time: string): string {
  const { id, remote, method, target, status, bytes, milliseconds, agent, error } = event;
  return JSON.stringify({
    level: status >= 500 ? "error" : "info",
    time,
    id,
    remote,
    method,
    path: shown(requestPath(target), SHOWN_PATH),
    status,
    bytes,
    ms: Math.round(milliseconds * 100) / 100,
    agent: agent && shown(agent, SHOWN_AGENT),
    error: error === undefined ? undefined : isOciError(error) ? error.code : "INTERNAL",
  });
}

/**
 * Opens an access log.
 * @param target a path, to be appended to, or 1 for standard output
 * @throws OciError IO when it cannot be opened
 */
export async function openAccessLog(target: string | 1, options: AccessLogOptions = {}): Promise<AccessLog> {
  if (target !== 1) await requireWritable(target);
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
    trouble.missing += lines.split("\n").length - 1;
  });
  file.on("write", (bytes: number) => {
    if (bytes === 0) return;
    if (trouble.known) options.onRecovery?.(trouble.missing);
    trouble.known = false;
    trouble.missing = 0;
  });
  const timeOf = clock();
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
  return {
    write(event) {
      const line = lineOf(event, timeOf());
      lines.push(line);
      length += line.length;
      if (length >= GATHERED) pass();
    },
    reopen() {
      if (target === 1) return;
      // What was gathered belongs to the old one.
      pass();
      file.reopen();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(passing);
      pass();
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      file.once("close", resolve).once("error", () => resolve());
      // Whoever reads the other end of a pipe may have stopped to.
      const timer = setTimeout(resolve, CLOSED_WITHIN);
      file.end();
      await ended;
      clearTimeout(timer);
      file.destroy();
    },
  };
}
