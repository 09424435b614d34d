import { IMAGE_MANIFEST } from "../client.ts";
import { checkFleet, pathOf } from "../fleet.ts";
import { load } from "../load/run.ts";
import { interleave } from "../measure.ts";
import type { Bench, Column, Row } from "../row.ts";
import { everybody, versionsOf } from "../servers/kinds.ts";

type What = Parameters<typeof pathOf>[2];
type Goals = Readonly<Record<string, number>>;

const CONNECTIONS = 16;
/** nginx's rate may vary this much before the rates of a row are not worth much. */
const CALM = 1.3;

/** Seconds for those that are only shown. */
const LONGEST: Readonly<Record<string, number>> = { nginx: 1, "docker-registry": 2 };

interface Loaded {
  readonly title: string;
  readonly what: What;
  readonly method: "GET" | "HEAD";
  readonly goals: { readonly rate: Goals; readonly processor?: Goals };
}

function columns({ rate, processor = {} }: Loaded["goals"]): readonly Column[] {
  return [
    { key: "rate", label: "requests/s", better: "more", goals: rate },
    { key: "processor", label: "CPU µs/request", digits: 1, better: "less", goals: processor },
    { key: "busy", label: "core busy %" },
  ];
}

/** Requests of one sort, 16 in flight, against all servers in turn. */
async function loaded(bench: Bench, { title, what, method, goals }: Loaded): Promise<Row> {
  const fleet = await bench.fleet();
  await checkFleet(fleet, what);
  const entries = await interleave(
    fleet.servers.map((server) => ({
      name: server.name,
      // Shown beside, compared with nobody's every round.
      ...(server.name === "docker-registry" ? { rounds: 1 } : {}),
      run: async () => {
        const { rate, processor } = await load(server, {
          connections: CONNECTIONS,
          seconds: Math.min(bench.seconds, LONGEST[server.name] ?? bench.seconds),
          status: 200,
          method,
          paths: pathOf(server, fleet, what),
          headers: { accept: IMAGE_MANIFEST },
        });
        return { rate, processor: processor * 1000, busy: (rate * processor) / 10 };
      },
    })),
    bench.rounds,
  );
  const canary = entries.find((entry) => entry.name === "nginx")?.rounds.map((round) => round["rate"] ?? 0) ?? [];
  const swing = Math.max(...canary) / Math.min(...canary);
  return {
    title,
    versions: versionsOf(everybody(bench.berth)),
    columns: columns(goals),
    entries,
    ...(swing > CALM ? { note: `nginx varied by ${swing.toFixed(2)} ×: a noisy machine, only the CPU counts.` } : {}),
  };
}

/** A manifest of 3.5 KB by its tag. */
export function manifestByTag(bench: Bench): Promise<Row> {
  const goals = { rate: { distribution: 5, zot: 2 }, processor: { distribution: 0.2 } };
  return loaded(bench, { title: "manifest GET by tag", what: "tag", method: "GET", goals });
}

/** The same by its digest. */
export function manifestByDigest(bench: Bench): Promise<Row> {
  const goals = { rate: { distribution: 5, zot: 2 }, processor: { distribution: 0.2 } };
  return loaded(bench, { title: "manifest GET by digest", what: "digest", method: "GET", goals });
}

/** HEAD of 500 blobs in turn. */
export function headBlob(bench: Bench): Promise<Row> {
  return loaded(bench, { title: "blob HEAD", what: "small", method: "HEAD", goals: { rate: { distribution: 4 } } });
}

/** GET of 500 blobs of 4 KiB in turn. */
export function smallBlob(bench: Bench): Promise<Row> {
  return loaded(bench, {
    title: "4 KiB blob GET",
    what: "small",
    method: "GET",
    goals: { rate: { distribution: 10 } },
  });
}
