import { type ChildProcess, spawn, spawnSync, type StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Servers have one core, the load another; where there are not two, or no taskset, all share. */
const PINNED: boolean = availableParallelism() > 1 && spawnSync("taskset", ["--version"]).status === 0;

/** How work is spread over the cores, in words. */
export const CORES: string = PINNED ? "servers on core 0, load on core 1" : "servers and load share the cores";

const CORE = { server: "0", load: "1" } as const;

/** A command that runs on the core of servers, or on that of the load. */
export function pinned(core: "server" | "load", command: readonly string[]): readonly string[] {
  return PINNED ? ["taskset", "-c", CORE[core], ...command] : command;
}

const running = new Set<ChildProcess>();

export function start(command: readonly string[], stdio: StdioOptions, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio, env: { ...process.env, ...env } });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Ends whatever was started and still runs, without waiting. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Milliseconds per tick of /proc/<pid>/stat. */
const TICK = 1000 / Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout || 100);

/** Milliseconds of processor that a process has used, all its threads; NaN where /proc does not tell. */
export function processorTime(pid: number): number {
  // The name, in parentheses, may hold spaces.
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) * TICK;
}

export interface Memory {
  /** Bytes now, and at most so far; 0 where /proc does not tell. */
  readonly resident: number;
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const status = read(`/proc/${pid}/status`);
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return { resident: kilobytes("VmRSS") * 1024, peak: kilobytes("VmHWM") * 1024 };
}
