import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openArchive } from "../../src/archive/open-archive.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { convertSignatures } from "../../src/sign/convert-signatures.ts";
import { parsePublicKey } from "../../src/sign/key-file.ts";
import { createKeyVerifier } from "../../src/sign/key.ts";
import { inspectSignatures, verifyAttestations, verifySignatures } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { copy } from "../../src/transfer/copy.ts";
import { toArray } from "../support/content.ts";
import { fixture, FIXTURES } from "./scene.ts";

const CUSTOM = "https://cosign.sigstore.dev/attestation/v1";

async function copied(name: string): Promise<{ store: Store; subject: Descriptor }> {
  await using source = await openArchive(join(FIXTURES, `${name}.tar`));
  const store = createMemoryStore();
  const subject = await source.resolve({ tag: "v1" });
  await copy({ source, target: store, roots: [{ descriptor: subject, tags: ["v1"] }] });
  return { store, subject };
}

const key = async () => createKeyVerifier(parsePublicKey(await fixture("p256.pub")), "p256");

/** The store without what is found by a digest tag, or with nothing else. */
function only(store: Store, tagged: boolean): Store {
  return decorate(store, {
    async *referrers(subject, options) {
      for await (const each of store.referrers(subject, options)) {
        if ((each.via === "digest-tag") === tagged) yield each;
      }
    },
  });
}

test("cosign 2's tags become referrers that verify without them, once however often", async () => {
  const { store, subject } = await copied("cosign-2");
  const before = await toArray(store.tags());
  const converted = await convertSignatures({ target: store, subject, to: "referrer" });
  assert.deepEqual(converted.map(({ kind, kept }) => `${kind} ${kept ?? ""}`).toSorted(), [
    "cosign-attestation ",
    "cosign-attestation ",
    "cosign-simple ",
    "cosign-simple ",
    "cosign-simple ",
    "cosign-simple ",
    "sbom ",
  ]);
  const [source, verifiers] = [only(store, false), [await key()]];
  assert.equal((await verifySignatures({ source, subject, verifiers, annotations: { by: "p256" } })).verified, true);
  const attested = await verifyAttestations({ source, subject, verifiers, predicateType: CUSTOM });
  assert.equal(attested.verified, true);
  assert.equal(attested.signatures.find(({ valid }) => valid)?.kind, "sigstore-bundle");
  assert.deepEqual(await toArray(store.tags()), before);
  const count = (await toArray(store.referrers(subject))).length;
  await convertSignatures({ target: store, subject, to: "referrer" });
  assert.equal((await toArray(store.referrers(subject))).length, count);
});

test("bundles become cosign 2's attestations; signatures over another payload stay, and say so", async () => {
  const { store, subject } = await copied("cosign-3");
  const converted = await convertSignatures({ target: store, subject, to: "tag" });
  assert.equal(converted.filter(({ kept }) => kept === undefined).length, 2);
  assert.equal(converted.filter(({ kept }) => kept?.includes("is not what cosign 2 signs")).length, 4);
  const [source, verifiers] = [only(store, true), [await key()]];
  assert.equal((await verifyAttestations({ source, subject, verifiers, predicateType: CUSTOM })).verified, true);
  const found = await inspectSignatures({ source, subject, verifiers });
  assert.deepEqual(
    found.map(({ kind, valid }) => `${kind} ${valid}`),
    ["cosign-attestation true", "cosign-attestation true"],
  );
});

test("there and back again is the same attestation", async () => {
  const { store, subject } = await copied("cosign-2");
  const tag = `${subject.digest.replace(":", "-")}.att`;
  const before = await store.resolve({ tag });
  await convertSignatures({ target: store, subject, to: "referrer" });
  await convertSignatures({ target: store, subject, to: "tag" });
  const verifiers = [await key()];
  const report = await verifyAttestations({ source: only(store, true), subject, verifiers, threshold: 1 });
  assert.equal(report.verified, true);
  assert.ok((await store.resolve({ tag })).size >= before.size);
});

test("a dry run changes nothing", async () => {
  for (const [name, to] of [
    ["cosign-2", "referrer"],
    ["cosign-3", "tag"],
  ] as const) {
    const { store, subject } = await copied(name);
    const still = decorate(store, { push: () => assert.fail("pushed"), update: () => assert.fail("tagged") });
    const planned = await convertSignatures({ target: still, subject, to, dryRun: true });
    assert.ok(planned.length > 0);
    assert.ok(planned.every(({ manifest }) => manifest === undefined));
  }
});
