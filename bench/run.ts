import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Fleet, startFleet } from "./fleet.ts";
import { killAll } from "./process.ts";
import { record } from "./record.ts";
import { type Bench, renderRow, renderVerdicts, type Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import { everybody, registries } from "./servers/kinds.ts";
import { type Server, stopAll } from "./servers/server.ts";
import { startTagged } from "./servers/tags.ts";
import { describe } from "./setting.ts";

const usage = `Usage: npm run bench -- [ROW]... [--seconds N] [--rounds N] [--many N] [--folder DIR] [--record FILE] [--berth FILE]
Rows (all by default): ${Object.keys(ROWS).join(", ")}
  --seconds N    of one measurement under load (default: 10; 2 is enough to try)
  --rounds N     of every row (default: 5)
  --many N       tags, and orphans, of the rows about many (default: 50000)
  --folder DIR   for all that is written, on a real disk (default: bench/results)
  --record FILE  put the tables between the marks of this Markdown file as well
  --berth FILE   bin/berth.js of another build
Needs about 15 GB of disk; peers are taken from PATH.
`;

const root = join(import.meta.dirname, "..");

function read(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(2);
  }
}

function parse() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "10" },
      rounds: { type: "string", default: "5" },
      many: { type: "string", default: "50000" },
      folder: { type: "string", default: join(root, "bench", "results") },
      record: { type: "string" },
      berth: { type: "string", default: join(root, "bin", "berth.js") },
    },
  });
  const numbers = { seconds: Number(values.seconds), rounds: Number(values.rounds), many: Number(values.many) };
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 1)) throw new Error(`--${name} has to be a number`);
  for (const name of positionals) if (!Object.hasOwn(ROWS, name)) throw new Error(`There is no row ${name}`);
  return { ...values, ...numbers, rows: positionals.length > 0 ? positionals : Object.keys(ROWS) };
}

const options = read();
await mkdir(options.folder, { recursive: true });
const folder = await mkdtemp(join(resolve(options.folder), "run-"));
// However it ends, nothing is left running, nor gigabytes on disk.
process.once("exit", () => {
  killAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const berth = [process.execPath, options.berth];
let fleet: Promise<Fleet> | undefined;
let tagged: Promise<readonly Server[]> | undefined;
const bench: Bench = {
  berth,
  folder,
  rounds: options.rounds,
  seconds: options.seconds,
  many: options.many,
  fleet: () => (fleet ??= startFleet(everybody(berth), join(folder, "fleet"))),
  tagged: () => (tagged ??= startTagged(registries(berth), join(folder, "tagged"), options.many)),
};

/** A row that fails is no reason to lose the others. */
async function measure(name: string): Promise<Row | undefined> {
  try {
    return await ROWS[name]?.(bench);
  } catch (error) {
    process.stderr.write(`FAILED: ${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

const began = performance.now();
const rows: Row[] = [];
process.stdout.write(`${describe(bench)}\n\n`);
try {
  for (const name of options.rows) {
    const row = await measure(name);
    if (!row) continue;
    rows.push(row);
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    process.stdout.write(`${renderRow(row)}\n\n${renderVerdicts([row])}\n\n(${minutes} min)\n\n`);
  }
  if (rows.length > 1) process.stdout.write(`${renderVerdicts(rows)}\n`);
  if (options.record !== undefined) await record(options.record, describe(bench), rows);
} finally {
  for (const servers of [(await fleet?.catch(() => undefined))?.servers, await tagged?.catch(() => undefined)]) {
    if (servers) await stopAll(servers, folder);
  }
}
// A row that failed may have left servers: they would keep this process waiting.
process.exit();
