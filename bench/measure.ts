import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Run {
  /** Wall-clock milliseconds. */
  readonly ms: number;
  /** Highest resident set size seen, bytes; 0 where /proc is missing or the process was too quick. */
  readonly peak: number;
}

function highWater(pid: number): number {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(match?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * Runs a command to its end and fails loudly when it fails. Watching its memory slows it down, up to
 * three times where it makes many pages: a run is either timed or watched.
 */
export async function time(command: readonly string[], options: { readonly watch?: boolean } = {}): Promise<Run> {
  const [program = "", ...args] = command;
  const start = process.hrtime.bigint();
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
  let peak = 0;
  const timer = options.watch ? setInterval(() => (peak = Math.max(peak, highWater(child.pid ?? 0))), 20) : undefined;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${complaint}`);
  return { ms, peak };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export interface Contender {
  readonly name: string;
  /** One round, the whole of it timed; prepares and cleans outside through `before`. */
  run(round: number, options: { readonly watch: boolean }): Promise<Run>;
  before?(round: number): Promise<void>;
  after?(round: number): Promise<void>;
}

export interface Result {
  readonly name: string;
  readonly medianMs: number;
  readonly peak: number;
  /** berth's time over this one's, round by round: median, least, most. 1 for berth itself. */
  readonly ratio: readonly [number, number, number];
}

/**
 * Runs all contenders round by round, the first being berth, so that a noisy moment hits all of them;
 * then each once more to see its memory.
 */
export async function race(contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const runs = contenders.map((): Run[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, contender] of contenders.entries()) {
      await contender.before?.(round);
      runs[at]?.push(await contender.run(round, { watch: false }));
      await contender.after?.(round);
    }
  }
  const peaks: number[] = [];
  for (const contender of contenders) {
    await contender.before?.(rounds);
    peaks.push((await contender.run(rounds, { watch: true })).peak);
    await contender.after?.(rounds);
  }
  const ours = runs[0] ?? [];
  return contenders.map(({ name }, at) => {
    const own = runs[at] ?? [];
    const ratios = own.map((run, round) => (ours[round]?.ms ?? Number.NaN) / run.ms);
    return {
      name,
      medianMs: median(own.map((run) => run.ms)),
      peak: peaks[at] ?? 0,
      ratio: [median(ratios), Math.min(...ratios), Math.max(...ratios)],
    };
  });
}
