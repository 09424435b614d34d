import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../../src/error/oci-error.ts";
import { includesName, parseIdentityName } from "../../../src/sign/notation/distinguished-name.ts";
import { parseTrustPolicy, selectStatement } from "../../../src/sign/notation/trust-policy.ts";
import { encodeJson } from "../../../src/spec/json.ts";
import { policyOf } from "./scene.ts";

function refuses(document: unknown, reason: RegExp): void {
  assert.throws(
    () => parseTrustPolicy(encodeJson(document)),
    (error) => isOciError(error, "FILE_INVALID") && reason.test(error.message),
  );
}

const two = (first: Record<string, unknown>, second: Record<string, unknown>): unknown => {
  const [{ trustPolicies: a }, { trustPolicies: b }] = [policyOf(first), policyOf(second)] as [
    { trustPolicies: unknown[] },
    { trustPolicies: unknown[] },
  ];
  return { version: "1.0", trustPolicies: [...a, ...b] };
};

describe("levels", () => {
  for (const [level, expected] of [
    ["strict", "enforce enforce enforce enforce enforce"],
    ["permissive", "enforce enforce log log log"],
    ["audit", "enforce log log log log"],
  ] as const) {
    test(level, () => {
      const [statement] = parseTrustPolicy(encodeJson(policyOf({}, { level })));
      assert.equal(Object.values(statement?.enforcement ?? {}).join(" "), expected);
    });
  }

  test("what is said otherwise counts", () => {
    const override = { revocation: "skip", expiry: "log", authenticTimestamp: "log", authenticity: "log" };
    const [statement] = parseTrustPolicy(encodeJson(policyOf({}, { override })));
    assert.deepEqual(statement?.enforcement, { integrity: "enforce", ...override });
  });
});

describe("a policy that could mean less than it seems to is refused", () => {
  for (const [what, document, reason] of [
    ["no object", [], /expected a JSON object/],
    ["another version", { ...(policyOf() as object), version: "2.0" }, /its version is "2.0"/],
    ["no statements", { version: "1.0", trustPolicies: [] }, /must be a list and not empty/],
    ["no name", policyOf({ name: "" }), /has no name/],
    ["one name twice", two({}, { registryScopes: ["a.com/b"] }), /the name "all" stands in it twice/],
    ["one scope twice", two({}, { name: "other" }), /the scope "\*" stands in it twice/],
    ["no scopes", policyOf({ registryScopes: [] }), /has no registryScopes/],
    ["* among others", policyOf({ registryScopes: ["*", "a.com/b"] }), /has the scope "\*"/],
    ["a pattern", policyOf({ registryScopes: ["a.com/*"] }), /has the scope "a\.com\/\*"/],
    ["a scope without a host", policyOf({ registryScopes: ["app"] }), /has the scope "app"/],
    ["a scope with a tag", policyOf({ registryScopes: ["a.com/b:v1"] }), /has the scope/],
    ["an unknown level", policyOf({}, { level: "none" }), /has the level "none"/],
    ["a level of every object", policyOf({}, { level: "constructor" }), /has the level "constructor"/],
    ["no level", policyOf({ signatureVerification: {} }), /has the level/],
    ["integrity overridden", policyOf({}, { override: { integrity: "log" } }), /cannot override "integrity"/],
    ["authenticity skipped", policyOf({}, { override: { authenticity: "skip" } }), /cannot override "authenticity"/],
    ["an unknown check", policyOf({}, { override: { expire: "log" } }), /cannot override "expire"/],
    ["a word spelt wrong", policyOf({}, { verifyTimestmp: "always" }), /unknown "verifyTimestmp"/],
    ["an unknown time", policyOf({}, { verifyTimestamp: "never" }), /verifyTimestamp "never"/],
    ["no stores", policyOf({ trustStores: [] }), /has to have trustStores and trustedIdentities/],
    ["no identities", policyOf({ trustedIdentities: [] }), /has to have trustStores and trustedIdentities/],
    ["an unknown store", policyOf({ trustStores: ["root:ours"] }), /trust store "root:ours"/],
    ["a store elsewhere", policyOf({ trustStores: ["ca:../../etc"] }), /trust store "ca:\.\.\/\.\.\/etc"/],
    ["a store above", policyOf({ trustStores: ["ca:.."] }), /trust store "ca:\.\."/],
    ["* among identities", policyOf({ trustedIdentities: ["*", "x509.subject: C=a,ST=b,O=c"] }), /\* among other/],
    ["skip for everything", policyOf({}, { level: "skip" }), /cannot do for \*/],
    [
      "skip with trust",
      policyOf({ registryScopes: ["a.com/b"], signatureVerification: { level: "skip" } }),
      /still trusts somebody/,
    ],
    [
      "identities that include each other",
      policyOf({ trustedIdentities: ["x509.subject: C=a,ST=b,O=c", "x509.subject: C=a,ST=b,O=c,OU=d"] }),
      /include each other/,
    ],
    [
      "the same identity twice",
      policyOf({ trustedIdentities: ["x509.subject: C=a,ST=b,O=c", "x509.subject: O=c,S=b,C=a"] }),
      /include each other/,
    ],
    ["an identity of the whole world", policyOf({ trustedIdentities: ["x509.subject: CN=a"] }), /has no C/],
    ["a bare identity", policyOf({ trustedIdentities: ["CN=a"] }), /has the identity/],
  ] as const) {
    test(what, () => refuses(document, reason));
  }

  test("a key that stands there twice", () => {
    const text = JSON.stringify(policyOf()).replace('"level":"strict"', '"level":"strict","level":"audit"');
    assert.throws(
      () => parseTrustPolicy(Buffer.from(text)),
      (error) => isOciError(error, "FILE_INVALID") && /duplicate key/.test(error.message),
    );
  });

  test("whatever it is, it is taken or refused with a clear word", () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (value, other) => {
        const document = { version: "1.0", trustPolicies: [JSON.parse(value), JSON.parse(other)] };
        try {
          parseTrustPolicy(encodeJson(document));
        } catch (error) {
          assert.ok(isOciError(error, "FILE_INVALID"), String(error));
        }
      }),
    );
  });
});

test("the statement of a repository is the one that names it, else the one for *", () => {
  const policy = parseTrustPolicy(encodeJson(two({}, { name: "app", registryScopes: ["a.com/b", "a.com:5000/b/c"] })));
  const named = (repository: string | undefined) => selectStatement(policy, repository)?.name;
  assert.equal(named("a.com/b"), "app");
  assert.equal(named("a.com:5000/b/c"), "app");
  for (const other of ["a.com/b/c", "a.com/B", "a.com/bb", "b", undefined]) assert.equal(named(other), "all");
});

describe("names of identities", () => {
  for (const [text, expected] of [
    ["C=US, ST=WA, O=example.com", { C: "US", ST: "WA", O: "example.com" }],
    ["O=a,S=b,c=US", { O: "a", ST: "b", C: "US" }],
    ["  C = US ,ST= WA,  O =a b , CN= é ", { C: "US", ST: "WA", O: "a b", CN: "é" }],
    ["C=US,ST=WA,O=a\\, b\\; c\\\\,CN=x=y", { C: "US", ST: "WA", O: "a, b; c\\", CN: "x=y" }],
    ["C=US,ST=WA,O=\\ a\\ ,CN=\\c3\\a9", { C: "US", ST: "WA", O: " a ", CN: "é" }],
    ["C=US,ST=WA,O=a,1.2.3=b", { C: "US", ST: "WA", O: "a", "1.2.3": "b" }],
  ] as const) {
    test(JSON.stringify(text), () => assert.deepEqual(Object.fromEntries(parseIdentityName(text)), expected));
  }

  for (const text of [
    "",
    "C=US,ST=WA",
    "C=US,ST=WA,O=",
    "C=US,ST=WA,O=a,",
    "C=US,ST=WA,O=a,,CN=b",
    "C=US,ST=WA,O=a,O=b",
    "C=US,ST=WA,S=WA,O=a",
    "C=US,ST=WA,O=a,CN=#0c0161",
    "C=US,ST=WA,O=a,CN= #0c0161",
    "C=US,ST=WA,O=a+CN=b",
    'C=US,ST=WA,O="a"',
    "C=US,ST=WA,O=a\\",
    "C=US,ST=WA,O=\\x",
    "C=US,ST=WA,O=\\ff",
    "C=US,ST=WA,O=a;b",
    "C=US,ST=WA,=a,O=b",
    "C US,ST=WA,O=a",
    `C=US,ST=WA,O=${"a".repeat(5000)}`,
  ]) {
    test(`not ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.throws(
        () => parseIdentityName(text),
        (error) => isOciError(error, "FILE_INVALID"),
      );
    });
  }

  const value = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
  test("what is escaped comes back as it was", () => {
    const escape = (text: string): string =>
      [...Buffer.from(text)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    const half = (text: string): string =>
      text.replaceAll(/["+,;<>\\\0]/g, (char) => escape(char)).replaceAll(/^[ #]| $/g, (char) => escape(char));
    fc.assert(
      fc.property(value, value, (organisation, common) => {
        for (const write of [escape, half]) {
          const found = parseIdentityName(`C=US, ST=WA, O=${write(organisation)}, CN=${write(common)}`);
          assert.equal(found.get("O"), organisation);
          assert.equal(found.get("CN"), common);
        }
      }),
    );
  });

  test("any text is read, or refused, in no time and no memory to speak of", () => {
    const piece = fc.constantFrom(
      "C=",
      "ST=",
      "O=",
      "=#",
      "#",
      "\\",
      "\\,",
      ",",
      "+",
      "=",
      " ",
      "a",
      "US",
      "\\2c",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 300 }), (pieces) => {
        try {
          const found = parseIdentityName(pieces.join(""));
          assert.ok(found.get("C") && found.get("ST") && found.get("O"));
        } catch (error) {
          assert.ok(isOciError(error, "FILE_INVALID"), String(error));
        }
      }),
      { numRuns: 500 },
    );
    for (const text of ["=#".repeat(2_000_000), "a=#".repeat(1300), `C=${"\\".repeat(4000)}`, "=".repeat(4096)]) {
      assert.throws(
        () => parseIdentityName(text),
        (error) => isOciError(error, "FILE_INVALID"),
      );
    }
  });

  test("a name includes another only where every part is the same to the letter", () => {
    const own = parseIdentityName("C=US,ST=WA,O=a,CN=b");
    for (const [text, expected] of [
      ["C=US,ST=WA,O=a", true],
      ["C=US,ST=WA,O=a,CN=b", true],
      ["C=US,ST=WA,O=A", false],
      ["C=US,ST=WA,O=a,CN=b,L=c", false],
      ["C=US,ST=WA,O=aa", false],
    ] as const) {
      assert.equal(includesName(own, parseIdentityName(text)), expected, text);
    }
  });
});
