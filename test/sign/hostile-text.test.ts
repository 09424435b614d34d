import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import { parseBundle } from "../../src/sign/bundle.ts";
import { parseDsse, preAuthEncoding } from "../../src/sign/dsse.ts";
import { parsePublicKey } from "../../src/sign/key-file.ts";
import { parsePem } from "../../src/sign/pem.ts";
import { parseObject } from "../../src/sign/signed-json.ts";
import { parseSimplePayload } from "../../src/sign/simple-payload.ts";
import { parseStatement } from "../../src/sign/statement.ts";
import { fixture, payloadOf, statementOf } from "./scene.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

/** Reads it, or says what is wrong in an error of ours; nothing else may come out. */
function reads(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    assert.ok(isOciError(error), String(error));
  }
}

const envelope = (): Buffer =>
  Buffer.from(
    JSON.stringify({ payload: "e30=", payloadType: "text/plain", signatures: [{ keyid: "a", sig: "AAAA" }] }),
  );

describe("whatever a stranger signed or did not sign is read or refused, and nothing falls over", () => {
  const parsers: readonly (readonly [string, (bytes: Uint8Array) => unknown, () => Promise<Buffer> | Buffer])[] = [
    ["payload", parseSimplePayload, () => payloadOf(DIGEST, { optional: { a: "b" } })],
    ["statement", parseStatement, () => statementOf(DIGEST)],
    ["envelope", (bytes) => parseDsse(parseObject(bytes, "envelope")), envelope],
    ["bundle", parseBundle, () => fixture("file.p256.sigstore.json")],
    ["key", (bytes) => parsePublicKey(bytes), () => fixture("p256.pub")],
    ["PEM", (bytes) => parsePem(Buffer.from(bytes).toString("latin1"), "PEM"), () => fixture("p256.key")],
  ];
  for (const [name, parse, sample] of parsers) {
    test(`${name}: any JSON, any bytes, and a good one with one byte changed`, async () => {
      const good = await sample();
      reads(() => parse(good));
      fc.assert(fc.property(fc.json(), (text) => reads(() => parse(Buffer.from(text)))));
      fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => reads(() => parse(bytes))));
      const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
      fc.assert(
        fc.property(change, ([at, value]) => {
          const bent = Buffer.from(good);
          bent[at] = value;
          reads(() => parse(bent));
        }),
      );
    });
  }

  test("100,000 of anything costs no more than its length", () => {
    const many = "A".repeat(100_000);
    for (const text of [`-----BEGIN ${many}`, `-----BEGIN A-----${many}`, "-----BEGIN A-----".repeat(5000), many]) {
      reads(() => parsePem(text, "PEM"));
    }
  });
});

test("no two pairs of type and payload have one encoding", () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });
  fc.assert(
    fc.property(text, text, text, text, (type, payload, otherType, otherPayload) => {
      fc.pre(type !== otherType || payload !== otherPayload);
      const encode = (a: string, b: string): string => Buffer.from(preAuthEncoding(a, Buffer.from(b))).toString("hex");
      assert.notEqual(encode(type, payload), encode(otherType, otherPayload));
    }),
  );
});

test("the encoding is that of the DSSE specification", () => {
  const encoded = preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
  assert.equal(Buffer.from(encoded).toString(), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
});
