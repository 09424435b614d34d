import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hangUp } from "../client.ts";
import { push } from "../load/run.ts";
import { interleave } from "../measure.ts";
import type { Bench, Row } from "../row.ts";
import { registries, versionsOf } from "../servers/kinds.ts";
import type { Kind, Server } from "../servers/server.ts";
import { settle } from "../settle.ts";

const MB = 1_000_000;

/** One blob of 1 GiB into an empty registry. */
export function pushOne(bench: Bench): Promise<Row> {
  return pushBlobs(bench, "push of 1 GiB", [1024 ** 3], 1);
}

/** 20 blobs of 25 MB, 4 at once, into an empty registry. */
export function pushTwenty(bench: Bench): Promise<Row> {
  const sizes = Array.from({ length: 20 }, () => 25 * MB);
  return pushBlobs(bench, "push of 20 × 25 MB", sizes, 4);
}

async function pushBlobs(bench: Bench, title: string, sizes: readonly number[], inFlight: number): Promise<Row> {
  const kinds = registries(bench.berth).filter((kind) => kind.version() !== undefined);
  return {
    title,
    versions: versionsOf(kinds),
    columns: [
      { key: "ms", label: "ms", better: "less", goals: { distribution: 1 } },
      { key: "processor", label: "CPU ms", better: "less" },
    ],
    entries: await interleave(
      kinds.map((kind) =>
        contender(bench, kind, (server) => push(server, { repository: "bench/push", sizes, inFlight })),
      ),
      bench.rounds,
    ),
  };
}

function contender(
  { folder }: Bench,
  kind: Kind,
  run: (server: Server) => Promise<{ readonly ms: number; readonly processor: number }>,
): Parameters<typeof interleave>[0][number] {
  const home = join(folder, `push-${kind.name}`);
  let server: Server | undefined;
  return {
    name: kind.name,
    async before() {
      await mkdir(home, { recursive: true });
      server = await kind.start(home);
      await settle();
    },
    async run() {
      if (!server) throw new Error(`${kind.name} is not running`);
      return await run(server);
    },
    async after() {
      if (server) await hangUp(server);
      await server?.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
