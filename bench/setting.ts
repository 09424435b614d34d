import { cpus, release, totalmem } from "node:os";
import { CORES } from "./process.ts";
import type { Bench } from "./row.ts";
import { berthKind } from "./servers/berth.ts";

/** When, on what and how it was measured, in one line. */
export function describe({ berth, rounds, seconds, many }: Bench): string {
  const processors = cpus();
  const gib = (totalmem() / 1024 ** 3).toFixed(0);
  return [
    new Date().toISOString().slice(0, 10),
    `berth ${berthKind(berth).version()}`,
    `${processors.length} × ${processors[0]?.model ?? "unknown processor"}, ${gib} GiB, Linux ${release()}`,
    `${CORES}; ${rounds} rounds, windows of ${seconds} s, many = ${many}`,
  ].join("; ");
}
