import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../../src/error/oci-error.ts";
import { SignatureMedia } from "../../../src/sign/media.ts";
import { signWithNotation } from "../../../src/sign/notation/sign-notation.ts";
import { parseTrustPolicy } from "../../../src/sign/notation/trust-policy.ts";
import { createNotationVerifier } from "../../../src/sign/notation/verifier.ts";
import { verifySignatures } from "../../../src/sign/verify.ts";
import { encodeJson } from "../../../src/spec/json.ts";
import { openSigned } from "../scene.ts";
import {
  type CertificateOptions,
  CODE_SIGNING,
  extension,
  issue,
  issueChain,
  keyOf,
  nameOf,
  SERVER_AUTH,
  TIME_STAMPING,
  Usage,
} from "./authority.ts";
import { forge, type Forgery } from "./forge.ts";
import { FORMATS, hangEnvelope, openNotation, policyOf, reasonOf, signerOf, storeOf, verifyBy } from "./scene.ts";

const NOTARY = "io.cncf.notary.";
const holder = issueChain();
const store = storeOf(holder.root);
const past = new Date(Date.now() - 60_000);

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
    await hangEnvelope(signed, Buffer.from(JSON.stringify({ ...whole, payload: `${String(payload)}=` })), "jws");
    const report = await verifyBy(signed, { store });
    assert.equal(report.verified, false);
    // A key in the header is not looked at: the certificate's counts.
    await hangEnvelope(signed, other, "jws");
    assert.equal((await verifyBy(signed, { store })).verified, true);
  });

  test("a JWS that says it is COSE, and the other way", async () => {
    const signed = await openSigned();
    await hangEnvelope(signed, forge("jws", holder, signed.subject), "cose");
    await hangEnvelope(signed, forge("cose", holder, signed.subject), "jws");
    assert.equal((await verifyBy(signed, { store })).verified, false);
  });
});

/** Chains that are not as the specification has them. */
const CHAINS: readonly (readonly [string, CertificateOptions, RegExp])[] = [
  ["for servers", { purposes: [SERVER_AUTH] }, /not for signing code but for serverAuth/],
  ["for servers as well", { purposes: [CODE_SIGNING, SERVER_AUTH] }, /not for signing code but for serverAuth/],
  ["for timestamps", { purposes: [TIME_STAMPING] }, /not for signing code but for timeStamping/],
  ["for anything", { purposes: ["2.5.29.37.0"] }, /not for signing code but for any/],
  ["that does not say what it is for", { keyUsage: null }, /does not say what its key is for/],
  ["whose use is not critical", { keyUsageCritical: false }, /does not mark critical/],
  ["for encryption", { keyUsage: Usage.keyEncipherment }, /not for signatures alone/],
  [
    "for signing certificates as well",
    { keyUsage: Usage.digitalSignature | Usage.certSign },
    /not for signatures alone/,
  ],
  ["of an authority", { authority: true, keyUsage: Usage.digitalSignature }, /is that of an authority/],
  ["signed with SHA-1", { hash: "sha1" }, /hash that is too weak/],
];

describe("a chain that is not for signing code does not count", () => {
  for (const [what, options, reason] of CHAINS) {
    test(`a certificate ${what}`, async () => {
      const own = issueChain(options);
      const signed = await openSigned();
      await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
      const report = await verifyBy(signed, { store: storeOf(own.root) });
      assert.equal(report.verified, false);
      assert.match(reasonOf(report), reason);
    });
  }

  test("the forger's chain counts when nothing is wrong with it", async () => {
    const own = issueChain({ purposes: [CODE_SIGNING] });
    const signed = await openSigned();
    await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
    assert.equal((await verifyBy(signed, { store: storeOf(own.root) })).verified, true);
  });

  const root = issue({ authority: true, subject: nameOf(["CN", "root"]) });
  const ordinary = issue({ issuer: root, subject: nameOf(["CN", "ordinary"]) });
  const narrow = issue({ authority: 0, subject: nameOf(["CN", "narrow"]), issuer: root });
  const below = issue({ authority: true, subject: nameOf(["CN", "below"]), issuer: narrow });
  const uncritical = issue({ authority: true, constraintsCritical: false, issuer: root });
  const unfit = issue({ authority: true, keyUsage: Usage.digitalSignature, issuer: root });
  const twin = issue({ authority: true, subject: nameOf(["CN", "root"]) });
  const leaf = issue({ issuer: root });
  for (const [what, own, reason] of [
    ["issued by somebody who is no authority", issue({ issuer: ordinary }), /is not that of an authority/],
    ["deeper than an authority allows", issue({ issuer: below }), /allows 0 authorities below it, and has 1/],
    ["whose authority says so without weight", issue({ issuer: uncritical }), /is not that of an authority/],
    ["whose authority is not for certificates", issue({ issuer: unfit }), /is not for signing certificates/],
    ["without its root", { ...leaf, chain: [leaf.raw] }, /which is no root certificate/],
    ["in another order", { ...leaf, chain: [leaf.raw, root.raw, root.raw] }, /goes on after the root/],
    ["with another's root of the same name", { ...leaf, chain: [leaf.raw, twin.raw] }, /is not issued by/],
    ["that goes on after the root", { ...root, chain: [root.raw, root.raw] }, /goes on after the root/],
  ] as const) {
    test(`a chain ${what}`, async () => {
      const signed = await openSigned();
      await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
      const report = await verifyBy(signed, { store: storeOf(root, twin) });
      assert.equal(report.verified, false);
      assert.match(reasonOf(report), reason);
    });
  }
});

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
