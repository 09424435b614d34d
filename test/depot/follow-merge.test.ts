import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mergeTag } from "../../src/depot/follow-merge.ts";
import type { Digest } from "../../src/spec/digest.ts";

const version = fc.constantFrom(null, "sha256:a" as Digest, "sha256:b" as Digest, "sha256:c" as Digest);
const versions = fc.record({ ours: version, base: version, theirs: version, isStale: fc.boolean() });

test("a tag that nobody else touched is never taken and never a conflict", () => {
  fc.assert(
    fc.property(versions, (given) => {
      const verdict = mergeTag({ ...given, theirs: given.base });
      assert.equal(verdict, given.ours === given.base ? "same" : "ours");
    }),
  );
});

test("a tag that index.json does not tell of is never deleted", () => {
  fc.assert(
    fc.property(versions, (given) => {
      const verdict = mergeTag({ ...given, theirs: null });
      assert.equal(verdict, given.ours === null ? "same" : "ours");
    }),
  );
});

test("a change of ours is never undone", () => {
  fc.assert(
    fc.property(versions, (given) => {
      if (given.ours !== given.base) assert.notEqual(mergeTag(given), "take");
    }),
  );
});

test("what only others changed is taken, unless they wrote back what they had read", () => {
  fc.assert(
    fc.property(versions, ({ base, theirs, isStale }) => {
      if (theirs === null || theirs === base) return;
      assert.equal(mergeTag({ ours: base, base, theirs, isStale }), isStale ? "stale" : "take");
    }),
  );
});

test("two who change a tag to the same agree, to different ones is a conflict", () => {
  fc.assert(
    fc.property(versions, ({ ours, base, theirs }) => {
      if (theirs === null || ours === base || theirs === base) return;
      assert.equal(mergeTag({ ours, base, theirs }), ours === theirs ? "same" : "conflict");
    }),
  );
});
