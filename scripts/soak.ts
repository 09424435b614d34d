/**
 * `npm run soak [-- --seconds N --seed N]`: clients push images of shared layers, mount, move tags and delete, while
 * a real server collects garbage every 100 ms; ten minutes by default. In the end no push has failed, everything that was
 * acknowledged and not deleted is whole, every layout is clean, and the space is back.
 */
import { parseArgs } from "node:util";
import { runSeed } from "../test/support/random.ts";
import { soak } from "./soak/run.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "600" }, seed: { type: "string" } },
});
const seed = values.seed === undefined ? runSeed() : Number(values.seed);
const seconds = Number(values.seconds);

console.log(`Soaking for ${seconds} s, seed ${seed}`);
const report = await soak({
  seconds,
  seed,
  onProgress: (line) => {
    console.log(line);
  },
});
const { failures, ...figures } = report;
console.log(JSON.stringify(figures, undefined, 2));
for (const failure of failures.slice(0, 50)) console.error(failure);
console.log(
  failures.length === 0 ? "Nothing was lost, nothing dangles, the space is back" : `${failures.length} failures`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
