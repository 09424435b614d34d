import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";

/** Milliseconds for strace to let go of a process. */
const LATE = 300;

/**
 * Runs `work` with strace attached to a process and all its threads, and gives the lines that it wrote.
 * What is asked of it counts from its beginning, for each thread on its own.
 */
export async function traced(
  pid: number,
  args: readonly string[],
  file: string,
  work: () => Promise<void>,
): Promise<readonly string[]> {
  await rm(file, { force: true });
  const child = spawn("strace", ["-f", "-p", `${pid}`, "-o", file, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "close");
  let stderr = "";
  const attached = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (stderr.includes(" attached")) resolve();
    });
  });
  await Promise.race([attached, ended]);
  if (!stderr.includes(" attached")) throw new Error(`strace could not attach: ${stderr}`);
  try {
    await work();
  } finally {
    // It detaches, or has ended by itself where the process it watched died.
    child.kill("SIGTERM");
    // After a tracee with many threads was killed it sometimes waits for one that is gone already.
    const late = setTimeout(() => child.kill("SIGKILL"), LATE);
    await ended;
    clearTimeout(late);
  }
  return (await readFile(file, "utf8")).split("\n");
}

/** How often a call was made, by the thread that made the most of it. */
export function mostCalls(lines: readonly string[], call: string): number {
  const byThread = new Map<string, number>();
  for (const line of lines) {
    const [thread = "", rest = ""] = line.split(/\s+/, 2);
    if (rest.startsWith(`${call}(`)) byThread.set(thread, (byThread.get(thread) ?? 0) + 1);
  }
  return Math.max(0, ...byThread.values());
}

export function injections(lines: readonly string[]): number {
  return lines.filter((line) => line.includes("(INJECTED)")).length;
}
