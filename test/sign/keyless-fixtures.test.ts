/** What cosign 2.6.4 and 3.1.2 wrote without keys, committed as data with the root that trusts their services. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openArchive } from "../../src/archive/open-archive.ts";
import { collect } from "../../src/bytes/collect.ts";
import { createIdentityVerifier } from "../../src/sign/identity-verifier.ts";
import { listSignatures } from "../../src/sign/list-signatures.ts";
import { SignatureAnnotation } from "../../src/sign/media.ts";
import type { Claim, Verdict, Verifier } from "../../src/sign/signer.ts";
import { exactly } from "../../src/sign/text-pattern.ts";
import { parseTrustedRoot } from "../../src/sign/trusted-root.ts";
import { inspectSignatures, verifyAttestations, verifySignatures } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { ANN, BOB } from "./keyless-scene.ts";
import { fixture, FIXTURES } from "./scene.ts";
import { ISSUER } from "./sigstore-services.ts";

const TYPE = "https://example.com/t";

function verifierOf(subject: string, issuer: string = ISSUER): Verifier {
  return createIdentityVerifier({
    subjects: [exactly(subject)],
    issuer: exactly(issuer),
    trust: async () => parseTrustedRoot(await fixture("keyless-root.json"), "trusted root"),
  });
}

for (const tool of ["cosign-2", "cosign-3"]) {
  describe(`an image signed by ${tool} without a key`, () => {
    let store: Store;
    let subject: Descriptor;
    before(async () => {
      store = await openArchive(join(FIXTURES, `${tool}-keyless.tar`));
      subject = await store.resolve({ tag: "v1" });
    });
    after(() => store[Symbol.asyncDispose]());

    test("verifies by identity and issuer, long after its certificate expired", async () => {
      const verifiers = [verifierOf(ANN)];
      const report = await verifySignatures({ source: store, subject, verifiers, annotations: { made: "peer" } });
      assert.equal(report.verified, true, report.reason);
      assert.match(report.signers[0]?.signedAt ?? "", /^2026-11-21T20:41:/);
      const attested = await verifyAttestations({ source: store, subject, verifiers, predicateType: TYPE });
      assert.equal(attested.verified, true, attested.reason);
    });

    test("not by another identity or issuer, nor for a threshold of two", async () => {
      const wanted = { source: store, subject };
      for (const verifier of [verifierOf(BOB), verifierOf(ANN, "https://other.example.com")]) {
        assert.equal((await verifySignatures({ ...wanted, verifiers: [verifier] })).verified, false);
        assert.equal((await verifyAttestations({ ...wanted, verifiers: [verifier] })).verified, false);
      }
      assert.equal((await verifySignatures({ ...wanted, verifiers: [verifierOf(ANN)], threshold: 2 })).verified, false);
    });

    test("says of both whom it names", async () => {
      const found = await inspectSignatures({ source: store, subject, verifiers: [] });
      assert.deepEqual(
        found.map(({ claimedIdentity, valid }) => [claimedIdentity?.subject, claimedIdentity?.issuer, valid]),
        [
          [ANN, ISSUER, false],
          [ANN, ISSUER, false],
        ],
      );
    });
  });
}

describe("what cosign 2 keeps in annotations", () => {
  const claims: Claim[] = [];
  before(async () => {
    await using store = await openArchive(join(FIXTURES, "cosign-2-keyless.tar"));
    const subject = await store.resolve({ tag: "v1" });
    for (const { kind, layer } of await listSignatures({ source: store, subject })) {
      if (kind !== "cosign-simple" || layer?.annotations === undefined) continue;
      const { annotations } = layer;
      const message = await collect(store.fetch(layer, { kind: "blob" }), 1 << 20, "payload");
      const signature = Buffer.from(annotations[SignatureAnnotation.Signature] ?? "", "base64");
      claims.push({ message, signature, annotations });
    }
  });

  async function changed(change: Record<string, (value: string) => string>): Promise<Verdict> {
    const [claim] = claims;
    assert.ok(claim?.annotations);
    const annotations = { ...claim.annotations };
    for (const [key, edit] of Object.entries(change)) annotations[key] = edit(annotations[key] ?? "");
    return verifierOf(ANN).verify({ ...claim, annotations });
  }
  const { Certificate, LogEntry } = SignatureAnnotation;
  const payload =
    (key: string, value: unknown) =>
    (text: string): string => {
      const entry = JSON.parse(text) as { Payload: Record<string, unknown> };
      return JSON.stringify({ ...entry, Payload: { ...entry.Payload, [key]: value } });
    };
  const emptied = (): string => "";

  test("verifies as it stands", async () => {
    assert.equal((await changed({})).valid, true);
  });

  for (const [what, change, reason] of [
    ["without a certificate", { [Certificate]: emptied }, /bare key/],
    ["with something else for a certificate", { [Certificate]: () => "-----" }, /expected PEM/],
    ["without a log entry", { [LogEntry]: emptied }, /expected 1 timestamps, got 0/],
    ["with something else for a log entry", { [LogEntry]: () => "{" }, /Invalid log entry/],
    ["with another time", { [LogEntry]: payload("integratedTime", 1_795_293_670) }, /inclusion promise|chain/],
    ["with a time in a text", { [LogEntry]: payload("integratedTime", "1795293662") }, /whole number/],
    ["with another place in the log", { [LogEntry]: payload("logIndex", 1) }, /inclusion promise/],
    ["of another log", { [LogEntry]: payload("logID", "00".repeat(32)) }, /inclusion promise/],
    ["without the log's word", { [LogEntry]: (text: string) => text.replace("SignedEntryTimestamp", "x") }, /base64/],
  ] as const) {
    test(`does not verify ${what}`, async () => {
      const verdict = await changed(change);
      assert.equal(verdict.valid, false);
      assert.match(verdict.valid ? "" : verdict.reason, reason);
    });
  }

  test("does not verify for another payload or signature", async () => {
    const [claim] = claims;
    assert.ok(claim);
    for (const other of [
      { ...claim, message: Buffer.concat([claim.message, Buffer.from(" ")]) },
      { ...claim, signature: Buffer.alloc(claim.signature.length) },
    ]) {
      assert.equal((await verifierOf(ANN).verify(other)).valid, false);
    }
  });
});
