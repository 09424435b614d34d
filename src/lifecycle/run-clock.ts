import { readFile } from "node:fs/promises";
import { uptime } from "node:os";
import type { JsonObject } from "../spec/json.ts";

/** Milliseconds that the two clocks may drift apart between two runs. */
const TOLERANCE = 60_000;

/** A moment by both clocks, in milliseconds. */
export interface Moment {
  /** Since 1970; somebody may set it. */
  readonly wall: number;
  /** Of a clock that nobody sets; comparable within one start of the machine. */
  readonly steady: number;
  /** Which start of the machine; empty where it cannot be told. */
  readonly boot: string;
}

/** Now, by both clocks, in whole milliseconds, whose sums are exact. The machine's uptime goes on while it sleeps. */
export async function thisMoment(): Promise<Moment> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return { wall: Date.now(), steady: Math.round(uptime() * 1000), boot: boot.trim() };
}

/** What a run remembers for the next one. */
export interface RunRecord extends Moment {
  /** By the steady clock: until then nothing is removed. */
  readonly postponedTo?: number;
}

/**
 * Decides whether ages can be trusted. When the wall clock was set forward, what came a moment ago
 * looks old; after one grace everything that was on its way then has arrived or given up.
 * @returns milliseconds to wait, 0 when there is nothing to wait for, and what to remember
 */
export function judgeClock(
  last: RunRecord | undefined,
  now: Moment,
  grace: number,
): { readonly wait: number; readonly record: RunRecord } {
  const isComparable = last !== undefined && last.boot === now.boot && last.steady <= now.steady;
  if (!isComparable) return { wait: 0, record: now };
  const drift = now.wall - last.wall - (now.steady - last.steady);
  const postponedTo = Math.max(last.postponedTo ?? 0, Math.abs(drift) > TOLERANCE ? now.steady + grace : 0);
  const wait = Math.max(0, postponedTo - now.steady);
  return { wait, record: wait > 0 ? { ...now, postponedTo } : now };
}

/** Reads back what {@link judgeClock} gave to remember; undefined when it is something else. */
export function readRecord(document: JsonObject | undefined): RunRecord | undefined {
  const { wall, steady, boot, postponedTo } = document ?? {};
  if (typeof wall !== "number" || typeof steady !== "number" || typeof boot !== "string") return undefined;
  return { wall, steady, boot, ...(typeof postponedTo === "number" ? { postponedTo } : {}) };
}
