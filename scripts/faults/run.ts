/**
 * `npm run faults [-- PART…] [--seed N] [--points N] [--operation NAME]…`: everything that can go wrong below a registry,
 * made to go wrong. Ends with a table of what was tried, and exit code 1 where something did not hold.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { release, tmpdir, type as system } from "node:os";
import { join } from "node:path";
import { inspect, parseArgs } from "node:util";
import { runSeed } from "../../test/support/random.ts";
import { calls } from "./calls.ts";
import { clock } from "./clock.ts";
import { damage } from "./damage.ts";
import { descriptors } from "./descriptors.ts";
import { diskDepot, diskLayouts } from "./disk.ts";
import { full } from "./full.ts";
import { power } from "./power.ts";
import { processes } from "./processes.ts";
import type { Part } from "./part.ts";
import { Table, type Tally } from "./table.ts";

const PARTS: readonly Part[] = [damage, processes, full, descriptors, clock, power, diskLayouts, diskDepot, calls];

const { values, positionals } = parseArgs({
  options: { seed: { type: "string" }, points: { type: "string" }, operation: { type: "string", multiple: true } },
  allowPositionals: true,
});
const seed = Number(values.seed ?? runSeed());
const points = values.points === undefined ? undefined : Number(values.points);
const wanted = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (wanted.length === 0) {
  throw new Error(`No such part; there are ${PARTS.map(({ name }) => name).join(", ")}`);
}

console.log(`Seed ${seed}; the same again: npm run faults -- --seed ${seed}`);
const base = await mkdtemp(join(tmpdir(), "berth-faults-"));
const rows: string[] = [];
const table = new Table();
let violations = 0;
for (const part of wanted) {
  const started = performance.now();
  console.log(`\n=== ${part.name}: ${part.about}`);
  const before = violations;
  const context = {
    seed,
    points,
    operations: values.operation ?? [],
    base: join(base, part.name),
    table,
    violation: (message: string, row?: Tally): void => {
      violations += 1;
      if (row) row.failures += 1;
      console.error(`✖ ${message}`);
    },
    say: (line: string): void => console.log(`  ${line}`),
  };
  await mkdir(context.base);
  try {
    const outcome = await part.run(context);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    if ("skipped" in outcome) {
      rows.push(`${part.name}: SKIPPED: ${outcome.skipped}`);
    } else {
      const counts = Object.entries(outcome.counts).map(([name, count]) => `${count} ${name}`);
      rows.push(`${part.name}: ${counts.join(", ")}; ${violations - before} violations; ${seconds} s`);
    }
  } catch (error) {
    context.violation(`${part.name} broke off: ${inspect(error)}`);
    rows.push(`${part.name}: BROKE OFF`);
  }
  console.log(rows.at(-1));
}
const text = `${rows.join("\n")}\n\n${table.toString()}`;
console.log(
  `\nNode ${process.version}, ${system()} ${release()}, ${new Date().toISOString().slice(0, 10)}, seed ${seed}\n${text}`,
);
if (violations > 0) {
  console.error(`\n${violations} violations; seed ${seed}; what was left: ${base}`);
  process.exitCode = 1;
} else {
  await rm(base, { recursive: true, force: true });
}
