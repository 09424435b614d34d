import { spawn } from "node:child_process";
import { memoryOf } from "./process.ts";
import type { Column, Entry, Measured } from "./row.ts";

export interface Run {
  /** Wall-clock milliseconds. */
  readonly ms: number;
  /** Highest resident set size seen, bytes; 0 where /proc is missing or the process was too quick. */
  readonly peak: number;
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
  const look = (): number => (peak = Math.max(peak, memoryOf(child.pid ?? 0).peak));
  const timer = options.watch ? setInterval(look, 20) : undefined;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${complaint}`);
  return { ms, peak };
}

/** Takes part in every round of a row. */
export interface Contender {
  readonly name: string;
  /** Rounds it takes part in, where that is fewer than all. */
  readonly rounds?: number;
  /** Prepares and cleans outside of what is measured. */
  before?(round: number): Promise<void>;
  run(round: number): Promise<Measured>;
  after?(round: number): Promise<void>;
}

async function take(contender: Contender, round: number, run: (round: number) => Promise<Measured>): Promise<Measured> {
  await contender.before?.(round);
  const measured = await run(round);
  await contender.after?.(round);
  return measured;
}

/**
 * Runs all contenders round by round, the first being berth, so that a noisy moment hits all of them.
 * Who begins changes with the round.
 */
export async function interleave(contenders: readonly Contender[], rounds: number): Promise<Entry[]> {
  const entries = contenders.map(({ name }) => ({ name, rounds: [] as Measured[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const at = (turn + round) % contenders.length;
      const contender = contenders[at];
      if (!contender || round >= (contender.rounds ?? rounds)) continue;
      entries[at]?.rounds.push(await take(contender, round, (now) => contender.run(now)));
    }
  }
  return entries;
}

/** A contender that is a command. */
export interface Racer {
  readonly name: string;
  /** The command of a round, if its memory says something about the contender. */
  run(round: number, options: { readonly watch: boolean }): Promise<Run>;
  before?(round: number): Promise<void>;
  after?(round: number): Promise<void>;
}

const MIB = 1024 ** 2;

/** The columns of a race. */
export function raceColumns(goals: Readonly<Record<string, number>> = {}): readonly Column[] {
  return [
    { key: "ms", label: "ms", better: "less", goals },
    { key: "peak", label: "peak MiB" },
  ];
}

/** Times all commands round by round; then runs each once more to see its memory. */
export async function race(racers: readonly Racer[], rounds: number): Promise<Entry[]> {
  const timed = racers.map((racer) => ({
    ...racer,
    run: async (round: number) => ({ ms: (await racer.run(round, { watch: false })).ms }),
  }));
  const entries = await interleave(timed, rounds);
  const watched = racers.map((racer) => ({
    ...racer,
    run: async (round: number) => ({ peak: (await racer.run(round, { watch: true })).peak / MIB || Number.NaN }),
  }));
  const peaks = await interleave(watched, 1);
  // The look at the memory counts as a round of its own: it has no time.
  return entries.map((entry, at) => ({ ...entry, rounds: [...entry.rounds, ...(peaks[at]?.rounds ?? [])] }));
}
