import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createTagFilter, type TagFilterOptions } from "../../src/transfer/tag-filter.ts";

const TAGS = [
  "latest",
  "v1.2.3",
  "1.4",
  "1.9.0-rc.1",
  "2.0.0",
  "v2.1.0_build.5",
  "20240101",
  "3",
  "1.02.3",
  "2.0.0-alpine",
];

async function kept(options: TagFilterOptions): Promise<string[]> {
  return TAGS.filter(await createTagFilter(options));
}

describe("tag filter", () => {
  test("without anything every tag passes", async () => {
    assert.deepEqual(await kept({}), TAGS);
  });

  test("an expression means the whole tag, any include and no exclude", async () => {
    assert.deepEqual(await kept({ include: ["v1"] }), []);
    assert.deepEqual(await kept({ include: ["v1.*", "3|latest"] }), ["latest", "v1.2.3", "3"]);
    assert.deepEqual(await kept({ include: ["v.*"], exclude: [".*_.*"] }), ["v1.2.3"]);
    assert.deepEqual(await kept({ exclude: ["[0-9].*", "v.*"] }), ["latest"]);
  });

  test("a range takes versions with and without v, of two or three numbers", async () => {
    assert.deepEqual(await kept({ semver: "^1" }), ["v1.2.3", "1.4"]);
    assert.deepEqual(await kept({ semver: ">=2" }), ["2.0.0", "v2.1.0_build.5"]);
    assert.deepEqual(await kept({ semver: ">=1.9.0-rc <1.9.0 || 2.1.x" }), ["1.9.0-rc.1", "v2.1.0_build.5"]);
    assert.deepEqual(await kept({ semver: "*", exclude: ["v.*"] }), ["1.4", "2.0.0"]);
  });

  test("what is no expression and no range is a wrong use", async () => {
    const wrong: TagFilterOptions[] = [{ include: ["("] }, { exclude: ["a".repeat(1001)] }, { semver: "newest" }];
    for (const options of wrong) {
      await assert.rejects(createTagFilter(options), (error) => isOciError(error, "USAGE"));
    }
  });
});
