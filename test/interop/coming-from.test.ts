import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { missing } from "../support/docker-registry.ts";
import { compared } from "./coming-from-compare.ts";
import { openScene } from "./coming-from-scene.ts";
import { readPairs } from "./coming-from-table.ts";

const INSTALL: Readonly<Record<string, string>> = {
  regctl: "go install github.com/regclient/regclient/cmd/regctl@v0.11.5",
  crane: "go install github.com/google/go-containerregistry/cmd/crane@v0.21.9",
  oras: "go install oras.land/oras/cmd/oras@v1.3.3",
  skopeo: "apt-get install skopeo",
};

const pairs = readPairs();

test("the page has the everyday commands of all four, each once", () => {
  assert.ok(pairs.length >= 40, `${pairs.length} pairs`);
  assert.equal(new Set(pairs.map(({ theirs }) => theirs)).size, pairs.length);
  for (const tool of Object.keys(INSTALL)) assert.ok(pairs.filter((pair) => pair.tool === tool).length >= 8, tool);
});

describe("what one types elsewhere and here comes to the same", { concurrency: 2 }, () => {
  for (const { tool, theirs, ours, same } of pairs) {
    test(theirs, { skip: missing(tool, INSTALL[tool]) }, async () => {
      await using there = await openScene();
      await using here = await openScene();
      const [expected, found] = [await there.run(theirs), await here.run(ours)];
      const theirResult = await compared(same, expected, there);
      const isEmpty = theirResult === "" || (Array.isArray(theirResult) && theirResult.length === 0);
      assert.ok(!isEmpty && (theirResult !== "nothing" || same.startsWith("blob ")), "there is something to compare");
      assert.deepEqual(await compared(same, found, here), theirResult);
    });
  }
});
