/** What cosign 2.6.4 and 3.1.2 wrote, committed as data: verified wherever this runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openArchive } from "../../src/archive/open-archive.ts";
import { parsePublicKey } from "../../src/sign/key-file.ts";
import { createKeyVerifier } from "../../src/sign/key.ts";
import { verifyFile } from "../../src/sign/signed-file.ts";
import type { Verifier } from "../../src/sign/signer.ts";
import { inspectSignatures, verifyAttestations, verifySignatures } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { fixture, FIXTURES } from "./scene.ts";

const KEYS = ["p256", "rsa", "ed25519", "p384"];
const SLSA = "https://slsa.dev/provenance/v1";
const CUSTOM = "https://cosign.sigstore.dev/attestation/v1";

async function verifierOf(name: string): Promise<Verifier> {
  return createKeyVerifier(parsePublicKey(await fixture(`${name}.pub`)), name);
}

for (const tool of ["cosign-2", "cosign-3"]) {
  describe(`an image signed by ${tool}`, () => {
    let store: Store;
    let subject: Descriptor;
    before(async () => {
      store = await openArchive(join(FIXTURES, `${tool}.tar`));
      subject = await store.resolve({ tag: "v1" });
    });
    after(() => store[Symbol.asyncDispose]());

    for (const key of KEYS) {
      test(`verifies by its ${key} key, with what it claims`, async () => {
        const verifiers = [await verifierOf(key)];
        const report = await verifySignatures({ source: store, subject, verifiers, annotations: { by: key } });
        assert.equal(report.verified, true, report.reason);
        assert.equal(report.signatures.filter(({ valid }) => valid).length, 1);
        const other = await verifySignatures({ source: store, subject, verifiers, annotations: { by: "other" } });
        assert.equal(other.verified, false);
      });
    }

    test("has four signers, and no fifth", async () => {
      const verifiers = await Promise.all([...KEYS, "other"].map(verifierOf));
      const ask = (threshold: number) => verifySignatures({ source: store, subject, verifiers, threshold });
      assert.equal((await ask(4)).verified, true);
      assert.equal((await ask(5)).verified, false);
      const stranger = await verifySignatures({ source: store, subject, verifiers: [await verifierOf("other")] });
      assert.equal(stranger.verified, false);
    });

    test("has two attestations by one key, with their predicates", async () => {
      const verifiers = [await verifierOf("p256")];
      for (const predicateType of [CUSTOM, SLSA]) {
        const report = await verifyAttestations({ source: store, subject, verifiers, predicateType });
        assert.equal(report.verified, true, report.reason);
        const [counted] = report.signatures.filter(({ valid }) => valid);
        assert.equal(counted?.statement?.predicateType, predicateType);
        const { predicate } = counted.statement;
        if (predicateType === CUSTOM) assert.equal((predicate as { Data: string }).Data, '{"tested":true}\n');
      }
      const wanted = { source: store, subject, predicateType: SLSA };
      const rsa = await verifyAttestations({ ...wanted, verifiers: [await verifierOf("rsa")] });
      assert.equal(rsa.verified, false);
    });
  });
}

test("cosign 2 with referrers and with bundles: all of it is found and verifies", async () => {
  await using store = await openArchive(join(FIXTURES, "cosign-2-referrers.tar"));
  const subject = await store.resolve({ tag: "v1" });
  const found = await inspectSignatures({ source: store, subject, verifiers: [await verifierOf("p256")] });
  assert.deepEqual(found.map(({ kind, purpose, valid }) => `${kind} ${purpose} ${valid}`).toSorted(), [
    "cosign-simple signature true",
    "sigstore-bundle attestation true",
    "sigstore-bundle attestation true",
    "sigstore-bundle signature true",
    "sigstore-bundle signature true",
  ]);
});

describe("a file signed by cosign", () => {
  const BUNDLES = [
    ...KEYS.map((key) => [key, `file.${key}.sigstore.json`] as const),
    ["p256", "file.p256.cosign-2.json"] as const,
    ["p256", "file.p256.sig"] as const,
  ];
  for (const [key, name] of BUNDLES) {
    test(`verifies: ${name}`, async () => {
      const [file, bundle] = [await fixture("file.txt"), await fixture(name)];
      const verifiers = [await verifierOf(key)];
      const { verified, reason } = await verifyFile({ file, bundle, verifiers });
      assert.equal(verified, true, reason);
      const changed = Buffer.concat([file, Buffer.from("\n")]);
      const { reason: why } = await verifyFile({ file: changed, bundle, verifiers });
      // Ed25519 hashes nothing beforehand, and the older forms say nothing of the file.
      if (name.includes("sigstore") && key !== "ed25519") assert.match(why ?? "", /it is of another file/);
      for (const refused of [
        await verifyFile({ file: changed, bundle, verifiers }),
        await verifyFile({ file, bundle, verifiers: [await verifierOf("other")] }),
        await verifyFile({ file, bundle, verifiers, threshold: 2 }),
        await verifyFile({ file, bundle: Buffer.alloc(0), verifiers }),
        await verifyFile({ file, bundle: Buffer.from("{}"), verifiers }),
      ]) {
        assert.equal(refused.verified, false);
        assert.notEqual(refused.reason ?? "", "");
      }
    });
  }
});
