import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseChunkRange, parseRange } from "../../src/server/range.ts";

test("reads the forms of RFC 9110 section 14", () => {
  assert.deepEqual(parseRange("bytes=0-0", 10), { start: 0, end: 0 });
  assert.deepEqual(parseRange("bytes=5-", 10), { start: 5, end: 9 });
  assert.deepEqual(parseRange("bytes=-3", 10), { start: 7, end: 9 });
  assert.deepEqual(parseRange("bytes=-30", 10), { start: 0, end: 9 });
  assert.deepEqual(parseRange("bytes=2-500", 10), { start: 2, end: 9 });
  for (const text of ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=5-0"]) {
    assert.equal(parseRange(text, 10), "unsatisfiable", text);
  }
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
  for (const text of [undefined, "", "bytes=", "bytes=-", "bytes=0-1,3-4", "items=0-1", "bytes=a-b", "bytes=-1-2"]) {
    assert.equal(parseRange(text, 10), undefined, text);
  }
});

test("property: whatever the header says, the part lies inside the content", () => {
  const header = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.option(fc.bigInt({ min: 0n, max: 10n ** 19n })), fc.option(fc.bigInt({ min: 0n, max: 10n ** 19n })))
      .map(([first, last]) => `bytes=${first ?? ""}-${last ?? ""}`),
    fc.tuple(fc.nat(200), fc.nat(200)).map(([first, last]) => `bytes=${first}-${last}`),
  );
  fc.assert(
    fc.property(header, fc.nat(150), (text, size) => {
      const part = parseRange(text, size);
      if (part === undefined || part === "unsatisfiable") return;
      assert.ok(part.start >= 0 && part.start <= part.end && part.end < size, JSON.stringify(part));
    }),
    { numRuns: 3000 },
  );
});

test("property: a chunk's range comes back out of its header", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (start, end) => {
      assert.deepEqual(parseChunkRange(`${start}-${end}`), { start, end });
      assert.deepEqual(parseChunkRange(`bytes ${start}-${end}/*`), { start, end });
    }),
  );
  for (const text of ["", "-", "1-", "-1", "a-b", "1-2-3", "1,2"]) assert.equal(parseChunkRange(text), undefined);
});
