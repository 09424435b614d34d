import { race, time } from "../measure.ts";
import type { Bench, Row } from "../row.ts";

/** `berth version` beside an empty Node program, both on the repo's runtime. */
export async function start({ berth, rounds }: Bench): Promise<Row> {
  const results = await race(
    [
      { name: "berth", run: () => time([...berth, "version"]) },
      { name: "node -e 0", run: () => time([process.execPath, "-e", "0"]) },
    ],
    rounds * 5,
  );
  const [ours, bare] = results;
  const more = (ours?.medianMs ?? Number.NaN) - (bare?.medianMs ?? Number.NaN);
  return {
    title: "start: berth version",
    goal: {},
    versions: { node: process.version },
    results,
    note: `${more.toFixed(1)} ms above node -e 0 (goal: at most 15)`,
  };
}
