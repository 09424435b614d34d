import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeLayout } from "../fixture.ts";
import { type Run, time } from "../measure.ts";
import { memoryOf } from "../process.ts";
import type { Bench, Entry, Row } from "../row.ts";
import { berthKind } from "../servers/berth.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** MiB */
const LIMIT = 200;

/** A blob of 4 GiB through copy, serve, push and pull: the peak memory of each process. */
export async function memory({ berth, folder }: Bench): Promise<Row> {
  const source = join(folder, "four-gib");
  const served = join(folder, "served");
  const back = join(folder, "back");
  const pulled = join(folder, "pulled");
  await writeLayout(source, [4 * GIB]);
  await mkdir(served);
  const server = await berthKind(berth).start(served);
  const run = (...args: readonly string[]): Promise<Run> => time([...berth, ...args, "-q"], { watch: true });
  const image = `${server.host}/big:v1`;
  const artifact = `${server.host}/artifact:v1`;
  const upload = await run("copy", `ocidir://${source}:v1`, image);
  await rm(source, { recursive: true, force: true });
  const download = await run("copy", image, `ocidir://${back}:v1`);
  await rm(back, { recursive: true, force: true });
  const file = join(folder, "file.bin");
  await writeFile(file, "");
  await truncate(file, 4 * GIB);
  const push = await run("push", artifact, `${file}:application/octet-stream`);
  await rm(file);
  const pull = await run("pull", artifact, "-o", pulled);
  const { peak } = memoryOf(server.pid);
  await server.stop();
  for (const path of [served, pulled]) await rm(path, { recursive: true, force: true });
  const runs = {
    "copy to the server": upload,
    "copy back into a layout": download,
    "push of a file": push,
    "pull of a file": pull,
    "serve, all of it": { ms: upload.ms + download.ms + push.ms + pull.ms, peak },
  };
  const entries = Object.entries(runs).map(([name, { ms, peak: bytes }]): Entry => ({
    name,
    rounds: [{ ms, peak: bytes / MIB }],
  }));
  return {
    title: "4 GiB blob, peak memory",
    versions: {},
    columns: [
      { key: "ms", label: "ms" },
      { key: "peak", label: "peak MiB", limits: Object.fromEntries(entries.map(({ name }) => [name, LIMIT])) },
    ],
    entries,
    note: "The times are of watched runs, which are slower.",
  };
}
