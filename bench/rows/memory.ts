import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { writeLayout } from "../fixture.ts";
import { time } from "../measure.ts";
import { startBerth } from "../registry.ts";
import type { Bench, Row } from "../row.ts";

const GIB = 1024 ** 3;

/** A blob of 4 GiB through copy, serve and pull: the peak memory of each process. */
export async function memory({ berth, folder }: Bench): Promise<Row> {
  const source = join(folder, "four-gib");
  const served = join(folder, "served");
  const back = join(folder, "back");
  await writeLayout(source, [4 * GIB]);
  const server = await startBerth(berth, served);
  const name = `${server.host}/big:v1`;
  const push = await time([...berth, "copy", "-q", `ocidir://${source}:v1`, name], { watch: true });
  await rm(source, { recursive: true, force: true });
  const pull = await time([...berth, "copy", "-q", name, `ocidir://${back}:v1`], { watch: true });
  const status = readFileSync(`/proc/${server.process.pid}/status`, "utf8");
  const serverPeak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  await server.stop();
  for (const path of [served, back]) await rm(path, { recursive: true, force: true });
  const one = (label: string, ms: number, peak: number) => ({
    name: label,
    medianMs: ms,
    peak,
    ratio: [1, 1, 1] as const,
  });
  return {
    title: "4 GiB blob, peak memory (goal: under 200 MiB each)",
    goal: {},
    versions: {},
    results: [
      one("copy to the server", push.ms, push.peak),
      one("copy back", pull.ms, pull.peak),
      one("serve", push.ms + pull.ms, serverPeak),
    ],
  };
}
