import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../../src/error/oci-error.ts";
import { signWithNotation } from "../../../src/sign/notation/sign-notation.ts";
import { parseTrustPolicy } from "../../../src/sign/notation/trust-policy.ts";
import { createNotationVerifier } from "../../../src/sign/notation/verifier.ts";
import { verifySignatures } from "../../../src/sign/verify.ts";
import { encodeJson } from "../../../src/spec/json.ts";
import { openSigned } from "../scene.ts";
import { extension, issue, issueChain, nameOf } from "./authority.ts";
import { forge } from "./forge.ts";
import { FORMATS, hangEnvelope, openNotation, policyOf, reasonOf, signerOf, storeOf, verifyBy } from "./scene.ts";

const NOTARY = "io.cncf.notary.";
const holder = issueChain();
const store = storeOf(holder.root);
const past = new Date(Date.now() - 60_000);

describe("whoever is not trusted does not count", () => {
  test("a certificate by another authority of the same name", async () => {
    const signed = await openNotation(issueChain());
    const report = await verifyBy(signed, { store });
    assert.equal(report.verified, false);
    assert.match(reasonOf(report), /lead to none in the trust stores/);
  });

  test("another person by the same authority", async () => {
    const signed = await openNotation(holder);
    const by = async (...trustedIdentities: string[]) =>
      verifyBy(signed, { store, policy: policyOf({ trustedIdentities }) });
    const wrong = await by("x509.subject: C=US, ST=WA, O=example.com, CN=somebody else");
    assert.equal(wrong.verified, false);
    assert.match(reasonOf(wrong), /is none of the trusted identities/);
    assert.equal((await by("x509.subject: C=US, ST=WA, O=example.com, CN=signer")).verified, true);
    assert.equal((await by("com.example.id: signer")).verified, false);
    // A part of the name is enough, more than the name has is not.
    assert.equal((await by("x509.subject: O=example.com, S=WA, C=US")).verified, true);
    assert.equal((await by("x509.subject: C=US, ST=WA, O=example.com, CN=signer, OU=a")).verified, false);
  });

  test("a name that has a part twice is nobody's, so that the other one is not taken for it", async () => {
    const own = issueChain({ subject: nameOf(["CN", "mallory"], ["CN", "signer"]) });
    const signed = await openNotation(own);
    const policy = policyOf({ trustedIdentities: ["x509.subject: C=US, ST=WA, O=example.com, CN=signer"] });
    assert.equal((await verifyBy(signed, { store: storeOf(own.root), policy })).verified, false);
  });

  test("a repository that no statement is for", async () => {
    const signed = await openNotation(holder);
    const policy = policyOf({ registryScopes: ["example.com/app"] });
    for (const repository of ["example.com/app2", "example.com/app/sub", "evil.com/example.com/app", "", undefined]) {
      const report = await verifyBy(signed, { store, policy, ...(repository === undefined ? {} : { repository }) });
      assert.equal(report.verified, false);
      assert.match(reasonOf(report), /no statement of the trust policy is for/);
    }
    assert.equal((await verifyBy(signed, { store, policy, repository: "example.com/app" })).verified, true);
  });

  test("a signing authority is trusted by a store of its own alone", async () => {
    const signed = await openSigned();
    const head = {
      crit: [`${NOTARY}signingScheme`, `${NOTARY}authenticSigningTime`],
      [`${NOTARY}signingScheme`]: "notary.x509.signingAuthority",
      [`${NOTARY}signingTime`]: undefined,
      [`${NOTARY}authenticSigningTime`]: new Date(),
    };
    for (const format of FORMATS) {
      await hangEnvelope(signed, forge(format, holder, signed.subject, { head }), format);
    }
    assert.match(reasonOf(await verifyBy(signed, { store })), /lead to none in the trust stores/);
    const authority = { certificates: (type: string) => store.certificates(type === "ca" ? "tsa" : "ca", "ours") };
    const policy = policyOf({ trustStores: ["signingAuthority:ours"] });
    const report = await verifyBy(signed, { store: authority, policy });
    assert.equal(report.verified, true, reasonOf(report));
    assert.ok(report.signers[0]?.signedAt);
  });

  test("a store that is missing is an error, not an empty one", async () => {
    const signed = await openNotation(holder);
    await assert.rejects(verifyBy(signed, { store, policy: policyOf({ trustStores: ["ca:others"] }) }), (error) =>
      isOciError(error, "FILE_INVALID"),
    );
  });
});

describe("time", () => {
  test("an expired signature fails in strict, and is told of in permissive", async () => {
    const signed = await openNotation(holder, { expiresIn: 60_000 });
    const now = () => new Date(Date.now() + 120_000);
    const strict = await verifyBy(signed, { store, now });
    assert.equal(strict.verified, false);
    assert.match(reasonOf(strict), /it expired at/);
    const permissive = await verifyBy(signed, { store, now, policy: policyOf({}, { level: "permissive" }) });
    assert.equal(permissive.verified, true);
    assert.match(permissive.signers[0]?.notes?.[0] ?? "", /expiry failed, which the policy only logs/);
    const override = policyOf({}, { level: "permissive", override: { expiry: "enforce" } });
    assert.equal((await verifyBy(signed, { store, now, policy: override })).verified, false);
    assert.equal((await verifyBy(signed, { store })).verified, true);
  });

  test("a certificate that is expired, or not valid yet", async () => {
    const signed = await openNotation(holder);
    for (const [hours, reason] of [
      [2, /expired at/],
      [-2, /is valid from .* only/],
    ] as const) {
      const now = () => new Date(Date.now() + hours * 3_600_000);
      const report = await verifyBy(signed, { store, now });
      assert.equal(report.verified, false);
      assert.match(reasonOf(report), reason);
    }
  });

  test("a root that is expired", async () => {
    const root = issue({ authority: true, notAfter: past, subject: nameOf(["CN", "root"]) });
    const own = issue({ issuer: root });
    const signed = await openSigned();
    await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
    assert.match(reasonOf(await verifyBy(signed, { store: storeOf(root) })), /CN=root.* expired at/);
  });

  test("a certificate that could be revoked: unknown is not good enough, unless the policy says so", async () => {
    for (const name of ["2.5.29.31", "1.3.6.1.5.5.7.1.1"]) {
      // A list to ask for, or a responder.
      const value = name === "2.5.29.31" ? "300c300aa008a006860463726c2f" : "300e300c06082b060105050730018600";
      const own = issueChain({
        extensions: [extension(name, false, new Uint8Array(Buffer.from(value, "hex")).buffer)],
      });
      const signed = await openNotation(own);
      const by = async (verification: Record<string, unknown>) =>
        verifyBy(signed, { store: storeOf(own.root), policy: policyOf({}, verification) });
      const strict = await by({});
      assert.equal(strict.verified, false);
      assert.match(reasonOf(strict), /whether the certificate .* is revoked is unknown/);
      assert.match((await by({ level: "permissive" })).signers[0]?.notes?.[0] ?? "", /revocation failed/);
      const skipped = await by({ override: { revocation: "skip" } });
      assert.equal(skipped.verified, true);
      assert.equal(skipped.signers[0]?.notes, undefined);
    }
  });
});

describe("how many", () => {
  test("one person who signs twice, with two certificates, is one signer", async () => {
    const first = issue();
    const second = issue({ kind: "P-384" });
    const third = issue({ subject: nameOf(["CN", "third"]) });
    const signed = await openNotation(first);
    const sign = async (by: typeof first) =>
      signWithNotation({ subjects: [{ target: signed.store, descriptor: signed.subject }], signer: signerOf(by) });
    await sign(first);
    await sign(second);
    const trusted = storeOf(first, second, third);
    const twice = await verifyBy(signed, { store: trusted, threshold: 2 });
    assert.equal(twice.verified, false);
    assert.match(twice.reason ?? "", /1 distinct signers are fewer than 2/);
    await sign(third);
    assert.equal((await verifyBy(signed, { store: trusted, threshold: 2 })).verified, true);
  });

  test("whoever is not authentic is nobody in particular, however many names they take", async () => {
    const signed = await openNotation(issue());
    const sign = async (name: string) =>
      signWithNotation({
        subjects: [{ target: signed.store, descriptor: signed.subject }],
        signer: signerOf(issue({ subject: nameOf(["CN", name]) })),
      });
    await sign("one");
    await sign("two");
    const policy = policyOf({}, { level: "audit" });
    const one = await verifyBy(signed, { store, policy });
    assert.equal(one.verified, true);
    assert.match(one.signers[0]?.label ?? "", /\(not authentic\)/);
    assert.match(one.signers[0]?.notes?.[0] ?? "", /authenticity failed, which the policy only logs/);
    assert.equal((await verifyBy(signed, { store, policy, threshold: 2 })).verified, false);
  });

  test("too many signatures end it, whatever the first ones are", async () => {
    const signed = await openNotation(holder);
    for (let at = 0; at < 3; at += 1) {
      await hangEnvelope(signed, forge("jws", holder, signed.subject, { beside: { n: at } }), "jws");
    }
    const verifier = createNotationVerifier({ policy: parseTrustPolicy(encodeJson(policyOf())), store });
    const verify = async (signatures: number) =>
      verifySignatures({
        source: signed.store,
        subject: signed.subject,
        verifiers: [verifier],
        limits: { signatures },
      });
    assert.equal((await verify(4)).verified, true);
    await assert.rejects(verify(3), (error) => isOciError(error, "LIMIT_EXCEEDED"));
  });

  test("no signature at all", async () => {
    const signed = await openSigned();
    const report = await verifyBy(signed, { store });
    assert.equal(report.verified, false);
    assert.equal(report.reason, "there is no signature");
  });
});
