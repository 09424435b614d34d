import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runSeed, sample, seeded } from "../support/random.ts";
import { MEDIA } from "./medium.ts";
import { countCalls, FAULTS, makeTemplate, noCounts, type Template, TRIED, tryFault } from "./trial.ts";
import { quickFolder } from "../support/quick-folder.ts";

const seed = runSeed();

for (const medium of MEDIA) {
  describe(`E47, E48, E50, E51: ${medium.name} outlives a failing disk`, () => {
    let base: string;
    let template: Template;
    before(async () => {
      base = await mkdtemp(join(quickFolder(), "berth-faults-"));
      template = await makeTemplate(medium, base);
    });
    after(() => rm(base, { recursive: true, force: true }));

    for (const name of TRIED) {
      test(name, async (t) => {
        t.diagnostic(`BERTH_SEED=${seed}`);
        const random = seeded(seed);
        const counts = noCounts();
        let calls = 0;
        for (const fault of Object.values(FAULTS)) {
          calls = await countCalls(template, name, fault(0));
          for (const at of sample(calls, medium.points, random)) await tryFault(template, name, fault(at), counts);
        }
        assert.ok(counts.injected > 0);
        t.diagnostic(`${calls} calls, ${counts.injected} faults, ${counts.checked} facts`);
      });
    }
  });
}
