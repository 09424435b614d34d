import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { render, type Bench, type Row } from "./row.ts";
import { foreignLayoutToLayout, layoutToLayout } from "./rows/layout-to-layout.ts";
import { layoutToRegistry } from "./rows/layout-to-registry.ts";
import { memory } from "./rows/memory.ts";
import { start } from "./rows/start.ts";

const ROWS: Readonly<Record<string, (bench: Bench) => Promise<Row | undefined>>> = {
  start,
  "layout-to-layout": layoutToLayout,
  "foreign-layout-to-layout": foreignLayoutToLayout,
  "layout-to-registry": layoutToRegistry,
  memory,
};

const usage = `Usage: npm run bench -- [ROW]... [--rounds N]
Rows: ${Object.keys(ROWS).join(", ")} (all by default). Needs about 10 GB of disk; peers are taken from PATH.
`;

const args = process.argv.slice(2);
const at = args.indexOf("--rounds");
const rounds = at === -1 ? 7 : Number(args.splice(at, 2)[1]);
const chosen = args.length > 0 ? args : Object.keys(ROWS);
if (chosen.some((name) => !Object.hasOwn(ROWS, name)) || !(rounds >= 1)) {
  process.stderr.write(usage);
  process.exit(2);
}

const root = join(import.meta.dirname, "..");
const home = join(root, "bench", "results");
await mkdir(home, { recursive: true });
const folder = await mkdtemp(join(home, "run-"));
const berth = [process.execPath, join(root, "bin", "berth.js")];
const gib = (totalmem() / 1024 ** 3).toFixed(0);
process.stdout.write(`node ${process.version}, ${availableParallelism()} cores, ${gib} GiB, ${rounds} rounds\n\n`);
try {
  for (const name of chosen) {
    const row = await ROWS[name]?.({ berth, folder, rounds });
    if (row) process.stdout.write(`${render(row)}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
