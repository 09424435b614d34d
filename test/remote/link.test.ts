import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import { nextTarget, Pages } from "../../src/remote/link.ts";

describe("Link", () => {
  const cases: readonly [string, string | undefined][] = [
    ['</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b"],
    ["</x>;rel=next", "/x"],
    ['</prev>; rel="prev", </next,with;commas>; title="a, \\"b\\""; rel="next"', "/next,with;commas"],
    ['</both>; rel="last next"', "/both"],
    ['</x>; rel="prev"', undefined],
    ["</x>", undefined],
    ["no link at all", undefined],
    ["", undefined],
    [`<${"x".repeat(100_000)}>; rel="next"`, undefined],
  ];
  for (const [header, expected] of cases) {
    test(`${header.slice(0, 60)} leads to ${expected ?? "nothing"}`, () => {
      assert.equal(nextTarget(header), expected);
    });
  }

  test("any text is read without an error", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('<>;="\\, relnxt/a')), maxLength: 200 }),
        (header) => {
          const target = nextTarget(header);
          assert.ok(target === undefined || header.includes(`<${target}>`));
        },
      ),
    );
  });

  test("pages stay on their origin and never come twice", () => {
    const first = new URL("https://r.example/v2/a/tags/list");
    const next = new Pages(first.origin).next('<?n=1>; rel="next"', first);
    assert.equal(next?.href, "https://r.example/v2/a/tags/list?n=1");
    const refused = [
      "<https://evil.example/x>",
      "<http://r.example/x>",
      "<https://r.example:8443/x>",
      `<${first.href}>`,
    ];
    for (const target of refused) {
      assert.throws(
        () => new Pages(first.origin).next(`${target}; rel="next"`, first),
        (error) => isOciError(error, "PROTOCOL"),
      );
    }
  });
});
