import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** What the server told of its collections. */
export interface Collections {
  runs: number;
  removed: number;
  bytes: number;
  restored: number;
  longest: number;
}

/** A real `berth serve` in a process of its own; disposing kills it. */
export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly collections: Collections;
  /** What it warned of: there should be none. */
  readonly warnings: readonly string[];
  /** Bytes that the process has in memory. */
  memory(): Promise<number>;
  /** Asks it to stop, and gives its exit code. */
  stop(): Promise<number | null>;
}

interface Event {
  readonly type?: string;
  readonly status?: number;
  readonly milliseconds?: number;
  readonly report?: {
    readonly removed: number;
    readonly bytes: number;
    readonly restored: number;
    readonly kept: readonly unknown[];
  };
}

/** Serves a root with garbage collected without a pause. */
export async function startServer(root: string, graceMs: number): Promise<Served> {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
    process.execPath,
    `${MAIN} serve ${root} --port 0 --progress json --gc-interval 100ms --gc-grace ${graceMs}ms --scrub-interval 5s`.split(
      " ",
    ),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = once(child, "exit");
  const collections: Collections = { runs: 0, removed: 0, bytes: 0, restored: 0, longest: 0 };
  const warnings: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    read(line, collections, warnings);
  });
  const first = once(createInterface({ input: child.stdout }), "line") as Promise<[string]>;
  const started = await Promise.race([first, ended.then(() => undefined)]);
  const url = started?.[0];
  if (url === undefined) throw new Error(`The server did not start: ${warnings.join("; ")}`);
  return {
    url,
    collections,
    warnings,
    async memory() {
      const { readFile } = await import("node:fs/promises");
      const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function read(line: string, collections: Collections, warnings: string[]): void {
  const event = parse(line);
  if (event?.type === "collected" && event.report) {
    collections.runs += 1;
    collections.removed += event.report.removed;
    collections.bytes += event.report.bytes;
    collections.restored += event.report.restored;
    collections.longest = Math.max(collections.longest, event.milliseconds ?? 0);
    if (event.report.kept.length > 0) warnings.push(line);
  } else if (event?.type === "upkeep-failed" || event?.type === "finding" || (event?.status ?? 0) >= 500) {
    warnings.push(line);
  }
}

function parse(line: string): Event | undefined {
  try {
    return JSON.parse(line) as Event;
  } catch {
    return undefined;
  }
}
