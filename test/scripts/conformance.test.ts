import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints, parseCounts, parseVerdicts } from "../../scripts/conformance/outcome.ts";

const names = Array.from({ length: 30 }, (_, at) => `Thing ${at}`);
const section = (name: string): string => `${name}:\n${names.map((each) => `  ${each}: Pass\n`).join("")}`;
const yaml = `config:\n  tls: disabled\n  data:\n    image: true\n${section("apis")}${section("data")}`;
const printed = (pass: number, skip = 0, disabled = 0): string =>
  `  Pass..........................:       ${pass}
  Skip..........................:          ${skip}
  Disabled......................:          ${disabled}
  FAIL..........................:          0
  Error.........................:          0
  Total.........................:       ${pass + skip + disabled}
`;

function judge(results: string, said: string, disabled: readonly string[] = []): readonly string[] {
  return complaints({ verdicts: parseVerdicts(results), counts: parseCounts(said) }, disabled);
}

test("a conformance run counts only when all of it ran and passed", () => {
  assert.deepEqual(judge(yaml, printed(1000)), []);
  assert.deepEqual(judge(yaml.replace("Thing 7: Pass", "Thing 7: FAIL"), printed(1000)), ["Thing 7: FAIL"]);
  assert.deepEqual(judge(yaml.replace("Thing 7: Pass", "Thing 7: Skip"), printed(999, 1)), [
    "Thing 7: Skip",
    "0 FAIL, 0 Error, 1 Skip",
  ]);
  const off = yaml.replace("Thing 7: Pass", "Thing 7: Disabled");
  assert.equal(judge(off, printed(1000)).length, 1);
  assert.deepEqual(judge(off.replaceAll("Thing 7: Pass", "Thing 7: Disabled"), printed(1000), ["Thing 7"]), []);
});

test("a conformance run that never was does not count", () => {
  assert.equal(judge("", "").length, 3);
  assert.deepEqual(judge(yaml, printed(100)), ["Only 100 checks ran"]);
});
