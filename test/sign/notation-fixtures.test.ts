/** What notation 1.3.2 wrote, with timestamps of OpenSSL 3, committed as data: verified wherever this runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openArchive } from "../../src/archive/open-archive.ts";
import { parseCertificates } from "../../src/sign/notation/certificate-file.ts";
import { createTrustStore, type TrustStore } from "../../src/sign/notation/trust-store.ts";
import { inspectSignatures } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { policyOf, verifyBy } from "./notation/scene.ts";
import { fixture, FIXTURES } from "./scene.ts";

/** A day on which some of the certificates had expired long ago, and others had not. */
const now = () => new Date("2040-01-01");

describe("an image signed by notation", () => {
  let source: Store;
  let subject: Descriptor;
  let store: TrustStore;
  const certificates = async (name: string) => parseCertificates(await fixture(name), name).map(({ raw }) => raw);
  before(async () => {
    source = await openArchive(join(FIXTURES, "notation-1.tar"));
    subject = await source.resolve({ tag: "v1" });
    store = createTrustStore({
      ca: { ours: await certificates("notation-root.pem") },
      tsa: { clocks: await certificates("notation-clock.pem") },
    });
  });
  after(() => source[Symbol.asyncDispose]());
  const by = async (name: string, changes: Record<string, unknown> = {}, verification: Record<string, unknown> = {}) =>
    verifyBy(
      { store: source, subject },
      {
        store,
        now,
        claims: { by: name },
        policy: policyOf(
          { trustedIdentities: [`x509.subject: C=US, ST=WA, O=example.com, CN=${name}`], ...changes },
          verification,
        ),
      },
    );

  for (const name of ["p256", "rsa"]) {
    test(`verifies by ${name}, with what it claims`, async () => {
      const report = await by(name);
      assert.equal(report.verified, true, report.reason);
      assert.equal(report.signatures.filter(({ valid }) => valid).length, 1);
    });
  }

  test("one that expired does not", async () => {
    assert.equal((await by("expired")).verified, false);
    assert.equal((await by("expired", {}, { level: "permissive" })).verified, true);
  });

  for (const name of ["timed-jws", "timed-cose"]) {
    test(`${name}: the timestamp counts when the certificate has expired`, async () => {
      assert.equal((await by(name)).verified, false);
      const trustStores = ["ca:ours", "tsa:clocks"];
      for (const verifyTimestamp of ["always", "afterCertExpiry"]) {
        // Its clock has expired as well by then, and had not when it was asked.
        const report = await by(name, { trustStores }, { verifyTimestamp });
        assert.equal(report.verified, true, report.signatures.map(({ reason }) => reason).join("\n"));
        assert.match(report.signers[0]?.signedAt ?? "", /^2026-11-/);
      }
    });
  }

  test("they are listed with whom they are by and when", async () => {
    const told = await inspectSignatures({ source, subject, verifiers: [] });
    assert.deepEqual(
      told.map(({ kind, claimedIdentity }) => `${kind} ${claimedIdentity?.subject.split(",")[0] ?? ""}`).toSorted(),
      [
        "notation-cose CN=rsa",
        "notation-cose CN=timed-cose",
        "notation-jws CN=expired",
        "notation-jws CN=p256",
        "notation-jws CN=timed-jws",
      ],
    );
    assert.equal(told.filter(({ claimedIdentity }) => claimedIdentity?.expiresAt !== undefined).length, 1);
  });
});
