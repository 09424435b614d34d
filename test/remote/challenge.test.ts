import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseChallenges } from "../../src/remote/challenge.ts";

function plain(header: string): unknown {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("WWW-Authenticate", () => {
  test("a bearer challenge with commas inside its scope", () => {
    assert.deepEqual(
      plain('Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push"'),
      [["bearer", { realm: "https://auth.example/token", service: "reg", scope: "repository:a/b:pull,push" }]],
    );
  });

  test("several challenges, tokens unquoted, escapes, odd spaces", () => {
    assert.deepEqual(plain('Basic realm=simple , Negotiate,  bEARER Realm = "a \\"b\\", c" ,, service=x'), [
      ["basic", { realm: "simple" }],
      ["negotiate", {}],
      ["bearer", { realm: 'a "b", c', service: "x" }],
    ]);
  });

  test("an opaque token in place of parameters", () => {
    assert.deepEqual(plain('Negotiate YWJjZA==, Basic realm="x"'), [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ]);
  });

  test("the first of two equal parameters counts", () => {
    assert.deepEqual(plain('Bearer realm="one",realm="two"'), [["bearer", { realm: "one" }]]);
  });

  test("nothing is made of nonsense, of an open quote, of 100 KB", () => {
    assert.deepEqual(plain(""), []);
    assert.deepEqual(plain('="x"'), []);
    assert.deepEqual(plain('Bearer realm="never closed'), [["bearer", {}]]);
    assert.deepEqual(plain(`Bearer realm="${"x".repeat(100_000)}"`), []);
  });

  test("what is written is read again", () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/);
    const parameters = fc.uniqueArray(fc.tuple(token, fc.string()), { selector: ([name]) => name, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(token, parameters), { maxLength: 4 }), (challenges) => {
        const header = challenges
          .map(([scheme, list]) => {
            const text = list.map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`);
            return `${scheme} ${text.join(",")}`.trim();
          })
          .join(", ");
        assert.deepEqual(
          parseChallenges(header).map(({ scheme, parameters: read }) => [scheme, [...read]]),
          challenges,
        );
      }),
    );
  });

  test("any text is read without an error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 500 }), (header) => {
        assert.ok(Array.isArray(parseChallenges(header)));
      }),
    );
  });
});
