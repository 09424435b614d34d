import { IMAGE_MANIFEST } from "../client.ts";
import { pathOf } from "../fleet.ts";
import { load } from "../load/run.ts";
import { memoryOf } from "../process.ts";
import type { Bench, Row } from "../row.ts";
import { everybody, versionsOf } from "../servers/kinds.ts";

const MIB = 1024 ** 2;
const CONNECTIONS = 64;

/** Memory of the servers that all the loads of this run went through, and one more with many connections. */
export async function resident(bench: Bench): Promise<Row> {
  const fleet = await bench.fleet();
  for (const server of fleet.servers) {
    for (const what of ["tag", "small", "large"] as const) {
      const paths = pathOf(server, fleet, what);
      const connections = what === "large" ? 1 : CONNECTIONS;
      await load(server, {
        connections,
        seconds: Math.min(2, bench.seconds),
        status: 200,
        method: "GET",
        paths,
        headers: { accept: IMAGE_MANIFEST },
      });
    }
  }
  const entries = fleet.servers.map(({ name, pid }) => {
    const now = memoryOf(pid);
    return { name, rounds: [{ resident: now.resident / MIB, peak: now.peak / MIB }] };
  });
  return {
    title: "resident memory after the load",
    versions: versionsOf(everybody(bench.berth)),
    columns: [
      { key: "resident", label: "resident MiB", better: "less", limits: { berth: 150 } },
      { key: "peak", label: "peak MiB", better: "less" },
    ],
    entries,
    note: "berth and the registries hold what the load on them made them hold, up to this row.",
  };
}
