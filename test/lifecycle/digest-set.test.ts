import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DigestSet } from "../../src/lifecycle/digest-set.ts";
import { SortedDigests } from "../../src/lifecycle/sorted-digests.ts";
import type { Digest } from "../../src/spec/digest.ts";

const hex = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length / 2, maxLength: length / 2 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const digest: fc.Arbitrary<Digest> = fc.oneof(
  hex(64).map((text) => `sha256:${text}` as Digest),
  hex(128).map((text) => `sha512:${text}` as Digest),
  fc.nat(20).map((number) => `sha256:${String(number).padStart(64, "0")}` as Digest),
);

describe("digests in little memory", () => {
  test("a set says what was added, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(digest, { maxLength: 3000 }), fc.array(digest), (added, others) => {
        const set = new DigestSet();
        // Told apart by their first 16 bytes.
        const keys = new Set<string>();
        for (const each of added) {
          const key = each.slice(7, 39);
          assert.equal(set.add(each), !keys.has(key));
          keys.add(key);
        }
        assert.equal(set.size, keys.size);
        for (const each of [...added, ...others]) assert.equal(set.has(each), keys.has(each.slice(7, 39)));
      }),
      { numRuns: 30 },
    );
  });

  test("a set of many stays fast and small", () => {
    const set = new DigestSet();
    const name = (number: number): Digest => `sha256:${number.toString(16).padStart(8, "0").repeat(8)}` as Digest;
    for (let number = 0; number < 200_000; number += 1) assert.ok(set.add(name(number)));
    for (let number = 0; number < 200_000; number += 1) assert.ok(set.has(name(number)));
    assert.equal(set.has(name(200_000)), false);
  });

  test("what cannot be computed is never in it", () => {
    const set = new DigestSet();
    const strange = "blake3:abc" as Digest;
    assert.equal(set.add(strange), false);
    assert.equal(set.has(strange), false);
  });

  test("a list comes out in the order of the texts", () => {
    fc.assert(
      fc.property(fc.array(digest, { maxLength: 2000 }), (added) => {
        const sorted = new SortedDigests();
        for (const each of added) sorted.add(each);
        assert.deepEqual([...sorted], added.toSorted());
      }),
      { numRuns: 30 },
    );
  });
});
