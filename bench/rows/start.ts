import { race, raceColumns, time } from "../measure.ts";
import type { Bench, Row } from "../row.ts";
import { median } from "../statistics.ts";

/** `berth version` beside an empty Node program, both on the repo's runtime. */
export async function start({ berth, rounds }: Bench): Promise<Row> {
  const [ours, bare] = await race(
    [
      { name: "berth", run: () => time([...berth, "version"]) },
      { name: "node -e 0", run: () => time([process.execPath, "-e", "0"]) },
    ],
    rounds * 5,
  );
  if (!ours || !bare) return { title: "start", versions: {}, columns: [], entries: [] };
  const more = ours.rounds.map((round, at) => (round["ms"] ?? Number.NaN) - (bare.rounds[at]?.["ms"] ?? Number.NaN));
  const above = { above: median(more.filter((value) => Number.isFinite(value))) };
  return {
    title: "start: berth version",
    versions: { "node -e 0": process.version },
    columns: [...raceColumns(), { key: "above", label: "ms above node -e 0", digits: 1, limits: { berth: 15 } }],
    entries: [{ ...ours, rounds: [...ours.rounds, above] }, bare],
  };
}
