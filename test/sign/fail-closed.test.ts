import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { signManifests } from "../../src/sign/sign.ts";
import { preAuthEncoding } from "../../src/sign/dsse.ts";
import { createKeyVerifier } from "../../src/sign/key.ts";
import { verifyAttestations, type VerifyReport, verifySignatures } from "../../src/sign/verify.ts";
import { decorate } from "../../src/store/decorate.ts";
import { bundleOf, hangBundle, hangLayer, openSigned, payloadOf, person, type Signed, statementOf } from "./scene.ts";

const ann = person("ann");
const bob = person("bob");

async function verify(
  signed: Signed,
  extra: Partial<Parameters<typeof verifySignatures>[0]> = {},
): Promise<VerifyReport> {
  return verifySignatures({ source: signed.store, subject: signed.subject, verifiers: [ann.verifier], ...extra });
}

/** Not verified, and the only signature says why. */
async function refuses(signed: Signed, reason: RegExp, extra: Parameters<typeof verify>[1] = {}): Promise<void> {
  const { verified, signers, signatures } = await verify(signed, extra);
  assert.equal(verified, false);
  assert.equal(signers.length, 0);
  assert.equal(signatures.length, 1);
  assert.equal(signatures[0]?.valid, false);
  assert.match(signatures[0]?.reason ?? "", reason);
}

const simple = async (signed: Signed, payload: Uint8Array): Promise<void> =>
  hangLayer(signed, payload, (await ann.signer.sign(payload)).bytes);

describe("verification fails closed", () => {
  test("what all the others change is verified as it is", async () => {
    const [a, b] = [await openSigned(), await openSigned()];
    await simple(a, payloadOf(a.subject.digest));
    await hangBundle(b, await bundleOf(ann, statementOf(b.subject.digest)));
    for (const signed of [a, b]) assert.equal((await verify(signed)).verified, true);
  });

  test("an empty set of signatures", async () => {
    const report = await verify(await openSigned());
    assert.equal(report.verified, false);
    assert.match(report.reason ?? "", /there is no signature/);
  });

  test("an empty set of verifiers, and a threshold of none", async () => {
    const signed = await openSigned();
    await assert.rejects(verify(signed, { verifiers: [] }), (error) => isOciError(error, "USAGE"));
    for (const threshold of [0, -1, Number.NaN, 0.5]) {
      await assert.rejects(verify(signed, { threshold }), (error) => isOciError(error, "USAGE"));
    }
  });

  test("a wrong key", async () => {
    for (const storage of ["referrer", "tag"] as const) {
      const signed = await openSigned();
      await signManifests({
        subjects: [{ target: signed.store, descriptor: signed.subject }],
        signer: bob.signer,
        storage,
      });
      await refuses(signed, /not by the key ann/);
    }
  });

  test("another artifact's signature, moved here", async () => {
    const a = await openSigned();
    await simple(a, payloadOf(a.other.digest));
    await refuses(a, /it is of sha256:.*, not of/);
    const b = await openSigned();
    await hangBundle(b, await bundleOf(ann, statementOf(b.other.digest)));
    await refuses(b, /it is of sha256:.*, not of/);
  });

  test("a signature over other bytes of the same kind", async () => {
    const signed = await openSigned();
    const { bytes } = await ann.signer.sign(payloadOf(signed.other.digest));
    await hangLayer(signed, payloadOf(signed.subject.digest), bytes);
    await refuses(signed, /not by the key ann/);
  });

  test("a referrer whose manifest hangs on something else, listed here by whoever can", async () => {
    const signed = await openSigned();
    await hangBundle(signed, await bundleOf(ann, statementOf(signed.subject.digest)), signed.other);
    const lying = decorate(signed.store, {
      async *referrers(_subject, options) {
        yield* signed.store.referrers(signed.other, options);
      },
    });
    await refuses({ ...signed, store: lying }, /its manifest hangs on sha256:/);
  });

  test("a payload of another type that says the right digest", async () => {
    const signed = await openSigned();
    await simple(signed, payloadOf(signed.subject.digest, { type: "atomic container signature" }));
    await refuses(signed, /critical\.type must be/);
  });

  test("a DSSE payload that is no in-toto statement, though it reads like one", async () => {
    const signed = await openSigned();
    await hangBundle(signed, await bundleOf(ann, statementOf(signed.subject.digest), "text/plain"));
    await refuses(signed, /its payload is "text\/plain"/);
  });

  test("a statement of an unknown version", async () => {
    const signed = await openSigned();
    await hangBundle(
      signed,
      await bundleOf(ann, statementOf(signed.subject.digest, { _type: "https://in-toto.io/Statement/v9" })),
    );
    await refuses(signed, /_type is/);
  });

  test("payloads that cannot be parsed, or read in two ways, though they are signed", async () => {
    const of = (digest: string): string => payloadOf(digest).toString();
    const broken: ((digest: string) => string)[] = [
      () => "",
      () => "not json",
      () => "[]",
      () => "null",
      (digest) => of(digest).slice(0, -1),
      (digest) => of(digest).replace('"critical"', '"critical":{},"critical"'),
      (digest) => of(digest).replace(digest, digest.toUpperCase()),
      (digest) => `\ufeff${of(digest)}`,
      () => `${'{"a":'.repeat(100)}1${"}".repeat(100)}`,
      (digest) => of(digest).replace("null", "7"),
    ];
    for (const write of broken) {
      const signed = await openSigned();
      await simple(signed, Buffer.from(write(signed.subject.digest)));
      await refuses(signed, /Invalid/);
    }
  });

  test("bundles that cannot be parsed, or are two things at once", async () => {
    const signed = await openSigned();
    const good = Buffer.from(await bundleOf(ann, statementOf(signed.subject.digest))).toString();
    const { dsseEnvelope } = JSON.parse(good) as { dsseEnvelope: { signatures: unknown[] } };
    const broken = [
      "{}",
      good.slice(1),
      good.replace("bundle.v0.3", "bundel.v0.3"),
      good.replace('"dsseEnvelope"', '"messageSignature":{"signature":"AAAA"},"dsseEnvelope"'),
      good.replace('"dsseEnvelope"', '"unknownEnvelope"'),
      good.replace(/"signatures":\[.*?\]/, '"signatures":[]'),
      good.replace(/"signatures":\[(.*?)\]/, '"signatures":[$1,$1]'),
      good.replace('"verificationMaterial"', '"otherMaterial"'),
      JSON.stringify({ dsseEnvelope }),
    ];
    for (const text of broken) {
      const fresh = await openSigned();
      await hangBundle(fresh, Buffer.from(text));
      await refuses(fresh, /Invalid/);
    }
  });

  test("signatures that are no base64, empty, or spelled in another way", async () => {
    for (const respell of [() => "", () => "%%%", (text: string) => `${text} `, (text: string) => `${text}\n`]) {
      const signed = await openSigned();
      const payload = payloadOf(signed.subject.digest);
      const text = Buffer.from((await ann.signer.sign(payload)).bytes).toString("base64");
      await hangLayer(signed, payload, respell(text));
      await refuses(signed, /must be base64/);
    }
  });

  test("algorithms are the key's: what else stands there downgrades nothing", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const verifiers = [createKeyVerifier(publicKey, "rsa")];
    const { privateKey: p384, publicKey: p384Public } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const signed = await openSigned();
    const payload = payloadOf(signed.subject.digest);
    const cases = [
      { verifiers, signature: sign("sha1", payload, privateKey) },
      { verifiers, signature: sign("sha512", payload, privateKey) },
      { verifiers: [createKeyVerifier(p384Public, "p384")], signature: sign("sha256", payload, p384) },
      { verifiers: [ann.verifier], signature: sign("sha1", payload, ann.key) },
      { verifiers: [ann.verifier], signature: Buffer.alloc(64) },
      { verifiers: [ann.verifier], signature: sign("sha256", payload, { key: ann.key, dsaEncoding: "ieee-p1363" }) },
    ];
    for (const { signature, verifiers: by } of cases) {
      const fresh = await openSigned();
      await hangLayer(fresh, payload, signature);
      await refuses(fresh, /not by the key/, { verifiers: by });
    }
  });

  test("claims that are not signed, or say something else", async () => {
    const signed = await openSigned();
    await simple(signed, payloadOf(signed.subject.digest, { optional: { env: "test" } }));
    await refuses(signed, /should claim env=production and says "test"/, { annotations: { env: "production" } });
    await refuses(signed, /should claim team=web and does not say so/, { annotations: { team: "web" } });
    await refuses(signed, /does not say so/, { annotations: { constructor: "x" } });
    assert.equal((await verify(signed, { annotations: { env: "test" } })).verified, true);
  });

  test("one signer many times is one: thresholds count keys", async () => {
    const signed = await openSigned();
    const subjects = [{ target: signed.store, descriptor: signed.subject }];
    for (const storage of ["referrer", "tag", "referrer", "tag"] as const) {
      await signManifests({ subjects, signer: ann.signer, storage });
    }
    const twice = { verifiers: [ann.verifier, createKeyVerifier(ann.signer.publicKey, "the same"), bob.verifier] };
    const report = await verify(signed, { ...twice, threshold: 2 });
    assert.equal(report.verified, false);
    assert.ok(report.signatures.length >= 3);
    assert.equal(report.signers.length, 1);
    await signManifests({ subjects, signer: bob.signer });
    assert.equal((await verify(signed, { ...twice, threshold: 2 })).verified, true);
  });

  test("an attestation is no signature of the image, and a signature no attestation", async () => {
    const signed = await openSigned();
    await hangBundle(
      signed,
      await bundleOf(ann, statementOf(signed.subject.digest, { predicateType: "https://slsa.dev/provenance/v1" })),
    );
    await refuses(signed, /no signature but an attestation/);
    const own = await openSigned();
    await hangBundle(own, await bundleOf(ann, statementOf(own.subject.digest)));
    const report = await verifyAttestations({ source: own.store, subject: own.subject, verifiers: [ann.verifier] });
    assert.equal(report.verified, false);
  });

  test("an attestation of another type, whatever its listing says", async () => {
    const signed = await openSigned();
    const payload = statementOf(signed.subject.digest, { predicateType: "https://example.com/other" });
    await hangBundle(signed, await bundleOf(ann, payload));
    const wanted = { source: signed.store, subject: signed.subject, verifiers: [ann.verifier] };
    const report = await verifyAttestations({ ...wanted, predicateType: "https://example.com/wanted" });
    assert.equal(report.verified, false);
    assert.match(report.signatures[0]?.reason ?? "", /it is of type "https:\/\/example\.com\/other"/);
    assert.equal((await verifyAttestations({ ...wanted, predicateType: "https://example.com/other" })).verified, true);
  });

  test("a payload type whose letters would be cut to one byte (CVE-2026-48758)", async () => {
    const payload = Buffer.from("{}");
    const encoded = preAuthEncoding("application/vnd.in-toto+jsŴn", payload);
    assert.equal(Buffer.from(encoded).toString("utf8"), "DSSEv1 29 application/vnd.in-toto+jsŴn 2 {}");
    const cut = Buffer.from("DSSEv1 28 application/vnd.in-toto+jstn 2 {}");
    assert.notDeepEqual(Buffer.from(encoded), cut);
  });
});
