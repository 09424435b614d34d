import { join } from "node:path";
import { depot, layouts, type Medium } from "../../test/faults/medium.ts";
import { countCalls, type Counts, FAULTS, makeTemplate, noCounts, TRIED, tryFault } from "../../test/faults/trial.ts";
import { sample, seeded } from "../../test/support/random.ts";
import type { Part, PartContext } from "./part.ts";

/** Trials under way at once: most of their time they wait for the disk. */
const TOGETHER = 3;

function diskPart(name: string, medium: Medium): Part {
  return {
    name,
    about: `${medium.name}: the n-th call at the disk port fails, is the first on a full disk, or the last of the process: every n`,
    run: async (context) => ({ counts: { ...(await tryMedium(medium, context)) } }),
  };
}

export const diskLayouts: Part = diskPart("disk-layouts", layouts);
export const diskDepot: Part = diskPart("disk-depot", depot);

async function tryMedium(medium: Medium, context: PartContext): Promise<Counts> {
  const template = await makeTemplate(medium, join(context.base, "disk"));
  const all = noCounts();
  const random = seeded(context.seed);
  for (const name of TRIED.filter((each) => context.operations.length === 0 || context.operations.includes(each))) {
    for (const [how, fault] of Object.entries(FAULTS)) {
      const row = context.table.row(name, how, medium.name);
      const counts = noCounts(all.points);
      const calls = await countCalls(template, name, fault(0));
      // A few more than were counted: what goes on in the background is not the same each time.
      const points = [...sample(calls + 3, context.points ?? Number.POSITIVE_INFINITY, random)];
      const lane = async (): Promise<void> => {
        for (let at = points.shift(); at !== undefined; at = points.shift()) {
          try {
            await tryFault(template, name, fault(at), counts);
          } catch (error) {
            context.violation(`${how}: ${String(error)}`, row);
          }
        }
      };
      await Promise.all(Array.from({ length: TOGETHER }, lane));
      counts.points -= all.points;
      row.points += counts.points;
      row.effective += counts.injected;
      row.acknowledged += counts.acknowledged;
      row.kept += counts.checked;
      add(all, counts);
    }
  }
  context.say(`${medium.name}: ${JSON.stringify(all)}`);
  return all;
}

function add(totals: Counts, counts: Counts): void {
  for (const key of Object.keys(totals) as (keyof Counts)[]) totals[key] += counts[key];
}
