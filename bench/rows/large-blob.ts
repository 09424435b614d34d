import { checkFleet, pathOf } from "../fleet.ts";
import { load } from "../load/run.ts";
import { interleave } from "../measure.ts";
import type { Bench, Row } from "../row.ts";
import { everybody, versionsOf } from "../servers/kinds.ts";

/** A blob of 1 GiB over one connection, again and again. */
export async function largeBlob(bench: Bench): Promise<Row> {
  const fleet = await bench.fleet();
  await checkFleet(fleet, "large");
  const entries = await interleave(
    fleet.servers.map((server) => ({
      name: server.name,
      ...(server.name === "docker-registry" ? { rounds: 1 } : {}),
      run: async () => {
        const paths = pathOf(server, fleet, "large");
        const seconds = Math.min(2, bench.seconds);
        const { throughput, processor } = await load(server, {
          connections: 1,
          seconds,
          status: 200,
          method: "GET",
          paths,
        });
        return { throughput: throughput / 1e6, processor };
      },
    })),
    bench.rounds,
  );
  return {
    title: "1 GiB blob GET",
    versions: versionsOf(everybody(bench.berth)),
    columns: [
      { key: "throughput", label: "MB/s", better: "more", goals: { distribution: 1.2 } },
      { key: "processor", label: "CPU ms/GiB", better: "less" },
    ],
    entries,
  };
}
