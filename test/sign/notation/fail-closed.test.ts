import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../../src/error/oci-error.ts";
import { SignatureMedia } from "../../../src/sign/media.ts";
import { parseEnvelope } from "../../../src/sign/notation/read-notation.ts";
import { parseTrustPolicy } from "../../../src/sign/notation/trust-policy.ts";
import { createNotationVerifier } from "../../../src/sign/notation/verifier.ts";
import { encodeJson } from "../../../src/spec/json.ts";
import { openSigned } from "../scene.ts";
import { issueChain, keyOf } from "./authority.ts";
import { forge, type Forgery } from "./forge.ts";
import { FORMATS, hangEnvelope, policyOf, reasonOf, storeOf, verifyBy } from "./scene.ts";

const NOTARY = "io.cncf.notary.";
const holder = issueChain();
const store = storeOf(holder.root);

/** Envelopes that are signed rightly and have one thing wrong, with the reason that has to be told. */
const FORGERIES: readonly (readonly [string, Forgery, RegExp])[] = [
  ["another payload type", { head: { cty: "application/json" } }, /its payload is "application\/json"/],
  ["no payload type", { head: { cty: undefined } }, /its payload is missing/],
  ["an unknown scheme", { head: { [`${NOTARY}signingScheme`]: "notary.x510" } }, /signing scheme is "notary.x510"/],
  ["an unknown critical header", { head: { crit: [`${NOTARY}signingScheme`, "exp"], exp: 1 } }, /demands "exp"/],
  [
    "a plug-in that has to verify",
    {
      head: {
        crit: [`${NOTARY}signingScheme`, `${NOTARY}verificationPlugin`],
        [`${NOTARY}verificationPlugin`]: "com.example",
      },
    },
    /demands "io\.cncf\.notary\.verificationPlugin"/,
  ],
  ["nothing critical", { head: { crit: undefined } }, /does not say what is critical/],
  ["a scheme that is not critical", { head: { crit: [] } }, /has to call io\.cncf\.notary\.signingScheme critical/],
  [
    "an expiry that is not critical",
    { head: { [`${NOTARY}expiry`]: new Date(Date.now() + 60_000) } },
    /has to call io\.cncf\.notary\.expiry critical/,
  ],
  [
    "a critical header that is not there",
    { head: { crit: [`${NOTARY}signingScheme`, `${NOTARY}expiry`] } },
    /calls io\.cncf\.notary\.expiry critical and has none/,
  ],
  ["no signing time", { head: { [`${NOTARY}signingTime`]: undefined } }, /signing time does not go with the scheme/],
  [
    "two signing times",
    { head: { [`${NOTARY}authenticSigningTime`]: new Date() } },
    /signing time does not go with the scheme/,
  ],
  ["a time that is none", { head: { [`${NOTARY}signingTime`]: "yesterday" } }, /no time|is none/],
  [
    "an expiry before it was made",
    {
      head: {
        crit: [`${NOTARY}signingScheme`, `${NOTARY}expiry`],
        [`${NOTARY}expiry`]: new Date(Date.now() - 3_600_000),
      },
    },
    /expires before it was made/,
  ],
  ["an unknown algorithm", { head: { alg: "none" } }, /algorithm "none" is none of notation's/],
  ["an algorithm of symmetric keys", { head: { alg: "HS256" } }, /algorithm "HS256" is none of notation's/],
  ["another algorithm of the family", { head: { alg: "ES384" } }, /says ES384, and the key .* signs with ES256/],
  ["no certificate", { chain: [] }, /has 0 certificates/],
  ["too many certificates", { chain: Array.from({ length: 17 }, () => holder.raw) }, /has 17 certificates/],
  ["another's certificate", { key: keyOf("P-256") }, /not by the key of its certificate/],
  ["a certificate that is none", { chain: [Buffer.from("certificate"), ...holder.chain.slice(1)] }, /no X\.509/],
  ["a certificate with bytes behind it", { chain: [Buffer.concat([holder.raw, Buffer.from([0])])] }, /no X\.509/],
  ["a payload without an artifact", { payload: { target: 1 } }, /targetArtifact must be an object/],
  ["a payload that is no object", { payload: [] }, /must be an object/],
];

describe("an envelope that is not as it has to be does not count", () => {
  for (const format of FORMATS) {
    test(`${format}: the forger's tools make one that counts`, async () => {
      const signed = await openSigned();
      await hangEnvelope(signed, forge(format, holder, signed.subject), format);
      const report = await verifyBy(signed, { store });
      assert.equal(report.verified, true, reasonOf(report));
    });
    for (const [what, forgery, reason] of FORGERIES) {
      test(`${format}: ${what}`, async () => {
        const signed = await openSigned();
        await hangEnvelope(signed, forge(format, holder, signed.subject, forgery), format);
        for (const level of ["strict", "audit"]) {
          const report = await verifyBy(signed, { store, policy: policyOf({}, { level }) });
          assert.equal(report.verified, false);
          assert.match(reasonOf(report), reason);
        }
      });
    }

    test(`${format}: other artifacts' signatures, of another digest, type or size`, async () => {
      const signed = await openSigned();
      const { mediaType, digest, size } = signed.subject;
      for (const targetArtifact of [
        { mediaType, digest: signed.other.digest, size },
        { mediaType: "application/vnd.oci.image.index.v1+json", digest, size },
        { mediaType, digest, size: size + 1 },
      ]) {
        const envelope = forge(format, holder, signed.subject, { payload: { targetArtifact } });
        await hangEnvelope(signed, envelope, format);
      }
      const report = await verifyBy(signed, { store, policy: policyOf({}, { level: "audit" }) });
      assert.equal(report.verified, false);
      assert.equal(report.signatures.length, 3);
      for (const { reason } of report.signatures) assert.match(reason ?? "", /it is of .*, not of /);
    });

    test(`${format}: one byte changed anywhere never counts as something else`, async () => {
      const { subject } = await openSigned();
      const envelope = forge(format, holder, subject, {});
      const verifier = createNotationVerifier({ policy: parseTrustPolicy(encodeJson(policyOf())), store });
      const kind = format === "jws" ? "notation-jws" : "notation-cose";
      const mediaType = format === "jws" ? SignatureMedia.Jws : SignatureMedia.Cose;
      const judge = async (bytes: Uint8Array) =>
        verifier.judge?.({ kind, mediaType, bytes, subject, annotations: {}, claims: {} });
      assert.equal((await judge(envelope))?.valid, true);
      for (let at = 0; at < envelope.length; at += 7) {
        const changed = Uint8Array.from(envelope);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const verdict = await judge(changed);
        assert.equal(verdict?.valid, false, `byte ${at}`);
      }
    });
  }

  test("a JWS in another form, and one with a key of its own in the header", async () => {
    const signed = await openSigned();
    const whole = JSON.parse(Buffer.from(forge("jws", holder, signed.subject)).toString()) as Record<string, unknown>;
    const { payload, ...signature } = whole;
    const other = forge("jws", holder, signed.subject, { head: { jwk: { kty: "EC" }, jku: "https://evil" } });
    await hangEnvelope(signed, Buffer.from(JSON.stringify({ payload, signatures: [signature] })), "jws");
    await hangEnvelope(signed, Buffer.from(JSON.stringify({ ...whole, signatures: [signature] })), "jws");
    for (const [field, value] of Object.entries({ payload, signature: whole["signature"] })) {
      // Another spelling of the same bytes.
      await hangEnvelope(signed, Buffer.from(JSON.stringify({ ...whole, [field]: `${String(value)}=` })), "jws");
    }
    const report = await verifyBy(signed, { store });
    assert.equal(report.verified, false);
    // A key in the header is not looked at: the certificate's counts.
    await hangEnvelope(signed, other, "jws");
    assert.equal((await verifyBy(signed, { store })).verified, true);
  });

  test("a COSE header that could be read in two ways", async () => {
    const { subject } = await openSigned();
    const whole = Buffer.from(forge("cose", holder, subject));
    // The protected header begins with a map of five, the algorithm first: -7 under 1.
    const at = whole.indexOf(Buffer.from("a50126", "hex"));
    assert.ok(at > 0);
    for (const other of ["a5180126", "a6012601 26", "a60126180126", "bf0126"]) {
      const changed = Buffer.concat([
        whole.subarray(0, at),
        Buffer.from(other.replace(" ", ""), "hex"),
        whole.subarray(at + 3),
      ]);
      // Its length stands before it, in two bytes.
      changed[at - 1] = (changed[at - 1] ?? 0) + changed.length - whole.length;
      assert.throws(
        () => parseEnvelope(changed, "cose"),
        (error) => isOciError(error, "MANIFEST_INVALID") && /no CBOR that is taken/.test(error.message),
        other,
      );
    }
  });

  test("a JWS that says it is COSE, and the other way", async () => {
    const signed = await openSigned();
    await hangEnvelope(signed, forge("jws", holder, signed.subject), "cose");
    await hangEnvelope(signed, forge("cose", holder, signed.subject), "jws");
    assert.equal((await verifyBy(signed, { store })).verified, false);
  });
});
