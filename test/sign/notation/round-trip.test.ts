import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { collect } from "../../../src/bytes/collect.ts";
import { isOciError } from "../../../src/error/oci-error.ts";
import { listSignatures } from "../../../src/sign/list-signatures.ts";
import { signWithNotation } from "../../../src/sign/notation/sign-notation.ts";
import { inspectSignatures, verifyAttestations } from "../../../src/sign/verify.ts";
import { parseManifest } from "../../../src/spec/manifest.ts";
import { person } from "../scene.ts";
import { issue, issueChain, type Kind, keyOf, nameOf, SERVER_AUTH, thumbprint } from "./authority.ts";
import { FORMATS, openNotation, policyOf, reasonOf, signerOf, storeOf, verifyBy } from "./scene.ts";

const KINDS: readonly Kind[] = ["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "RSA-4096"];

describe("what is signed as notation does is verified", () => {
  for (const format of FORMATS) {
    for (const kind of KINDS) {
      test(`${format} with ${kind}`, async () => {
        const holder = issueChain({ kind });
        const signed = await openNotation(holder, { format, claims: { env: "production" } });
        const report = await verifyBy(signed, { store: storeOf(holder.root), claims: { env: "production" } });
        assert.equal(report.verified, true, reasonOf(report));
        assert.deepEqual(
          report.signers.map(({ label }) => label),
          ["CN=signer,O=example.com,ST=WA,C=US"],
        );
        const missing = await verifyBy(signed, { store: storeOf(holder.root), claims: { env: "test" } });
        assert.match(reasonOf(missing), /should claim env="test" and does not/);
      });
    }
  }

  test("it hangs on the subject as notation looks for it", async () => {
    const holder = issueChain();
    const { store, subject } = await openNotation(holder);
    const [found] = await listSignatures({ source: store, subject });
    assert.ok(found);
    assert.equal(found.kind, "notation-jws");
    assert.equal(found.artifactType, "application/vnd.cncf.notary.signature");
    const bytes = await collect(store.fetch(found.manifest), 100_000, "manifest");
    const manifest = parseManifest(bytes, found.manifest.mediaType);
    assert.equal(
      manifest.annotations?.["io.cncf.notary.x509chain.thumbprint#S256"],
      JSON.stringify(holder.chain.map(thumbprint)),
    );
  });

  test("a root alone that signs is its own chain", async () => {
    const holder = issue();
    const report = await verifyBy(await openNotation(holder), { store: storeOf(holder) });
    assert.equal(report.verified, true, reasonOf(report));
  });

  test("without a verifier it is told what the signature says of itself", async () => {
    const holder = issueChain();
    const { store, subject } = await openNotation(holder, { expiresIn: 60_000, claims: { team: "web" } });
    const [told] = await inspectSignatures({ source: store, subject, verifiers: [] });
    assert.ok(told);
    assert.equal(told.valid, false);
    assert.equal(told.keyHint, undefined);
    assert.deepEqual(told.claims, { team: "web" });
    const { subject: name, issuer, signedAt, expiresAt } = told.claimedIdentity ?? {};
    assert.equal(name, "CN=signer,O=example.com,ST=WA,C=US");
    assert.equal(issuer, "CN=middle,O=example.com,ST=WA,C=US");
    assert.equal(Date.parse(expiresAt ?? "") - Date.parse(signedAt ?? ""), 60_000);
  });

  test("it is no attestation, and no key vouches for it", async () => {
    const holder = issueChain();
    const { store: source, subject } = await openNotation(holder);
    const { verifier } = person("ann");
    const attested = await verifyAttestations({ source, subject, verifiers: [verifier] });
    assert.equal(attested.verified, false);
  });
});

describe("what cannot sign is refused before anything is stored", () => {
  test("claims in the name of the specification, and an expiry of no time", async () => {
    const { store, subject } = await openNotation(issue());
    const options = { subjects: [{ target: store, descriptor: subject }], signer: signerOf(issue()) };
    await assert.rejects(signWithNotation({ ...options, annotations: { "io.cncf.notary.x": "1" } }), (error) =>
      isOciError(error, "USAGE"),
    );
    await assert.rejects(signWithNotation({ ...options, expiresIn: 10 }), (error) => isOciError(error, "USAGE"));
  });

  for (const [what, holder] of [
    ["another key's certificate", { ...issue(), key: keyOf("P-256") }],
    ["a certificate for servers", issue({ purposes: [SERVER_AUTH] })],
    ["an expired certificate", issue({ notAfter: new Date(Date.now() - 1000) })],
    ["a chain without its root", { ...issueChain(), chain: issueChain().chain.slice(0, 2) }],
    ["an authority's certificate", issue({ authority: true, subject: nameOf() })],
  ] as const) {
    test(what, () => {
      assert.throws(
        () => signerOf(holder),
        (error) => isOciError(error, "FILE_INVALID"),
      );
    });
  }

  test("a key that notation has no algorithm for", () => {
    const holder = issue();
    assert.throws(
      () => signerOf({ ...holder, key: keyOf("ed25519") }),
      (error) => isOciError(error, "FILE_INVALID"),
    );
  });
});

test("skip verifies nothing, and says so", async () => {
  const signed = await openNotation(issue());
  const policy = policyOf({
    registryScopes: ["example.com/app"],
    signatureVerification: { level: "skip" },
    trustStores: [],
    trustedIdentities: [],
  });
  const report = await verifyBy(signed, { policy, repository: "example.com/app" });
  assert.equal(report.verified, false);
  assert.match(reasonOf(report), /says skip: nothing was verified/);
});
