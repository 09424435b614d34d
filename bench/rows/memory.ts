import { readFileSync } from "node:fs";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeLayout } from "../fixture.ts";
import { type Result, type Run, time } from "../measure.ts";
import { startBerth } from "../registry.ts";
import type { Bench, Row } from "../row.ts";

const GIB = 1024 ** 3;

function alone(name: string, run: Run): Result {
  return { name, medianMs: run.ms, peak: run.peak, ratio: [1, 1, 1] };
}

/** A blob of 4 GiB through copy, serve, push and pull: the peak memory of each process. */
export async function memory({ berth, folder }: Bench): Promise<Row> {
  const source = join(folder, "four-gib");
  const served = join(folder, "served");
  const back = join(folder, "back");
  const pulled = join(folder, "pulled");
  await writeLayout(source, [4 * GIB]);
  await mkdir(served);
  const server = await startBerth(berth, served);
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
  const status = readFileSync(`/proc/${server.process.pid}/status`, "utf8");
  const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  await server.stop();
  for (const path of [served, pulled]) await rm(path, { recursive: true, force: true });
  const ms = upload.ms + download.ms + push.ms + pull.ms;
  return {
    title: "4 GiB blob, peak memory (goal: under 200 MiB each)",
    goal: {},
    versions: {},
    note: "The times are of watched runs, which are slower.",
    results: [
      alone("copy to the server", upload),
      alone("copy back into a layout", download),
      alone("push of a file", push),
      alone("pull of a file", pull),
      alone("serve, all of it", { ms, peak }),
    ],
  };
}
