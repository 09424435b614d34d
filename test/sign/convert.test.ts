import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { collect } from "../../src/bytes/collect.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { Limits } from "../../src/spec/limits.ts";
import { pieceOf } from "../../src/sign/place.ts";
import { preparePlainReferrer } from "../../src/sign/plain-referrer.ts";
import { pushReferrer } from "../../src/sign/referrer.ts";
import { openArchive } from "../../src/archive/open-archive.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { convertSignatures } from "../../src/sign/convert-signatures.ts";
import { parsePublicKey } from "../../src/sign/key-file.ts";
import { createKeyVerifier } from "../../src/sign/key.ts";
import { inspectSignatures, verifyAttestations, verifySignatures } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";

import { decorate } from "../../src/store/decorate.ts";
import type { Name, Store } from "../../src/store/store.ts";
import { copy } from "../../src/transfer/copy.ts";
import { toArray } from "../support/content.ts";
import { fixture, FIXTURES, openSigned } from "./scene.ts";

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

/** Tags that speak of the subject. */
async function digestTags(store: Store): Promise<readonly string[]> {
  return (await toArray(store.tags())).map(({ name }) => name).filter((name) => name.startsWith("sha256-"));
}

async function referrersBeside(store: Store, subject: Descriptor): Promise<readonly string[]> {
  const all = await toArray(only(store, false).referrers(subject));
  return all.map(({ descriptor }) => descriptor.artifactType ?? "").toSorted();
}

test("--remove: tags go when all of them is in referrers, and come back as they were", async () => {
  const { store, subject } = await copied("cosign-2");
  const suffixes = (await digestTags(store)).map((name) => name.slice(name.indexOf("."))).toSorted();
  assert.deepEqual(suffixes, [".att", ".sbom", ".sig"]);
  const sbom = (await digestTags(store)).find((name) => name.endsWith(".sbom")) ?? "";
  const before = (await store.resolve({ tag: sbom })).digest;

  const there = await convertSignatures({ target: store, subject, to: "referrer", remove: true });
  assert.ok(there.every(({ removed }) => removed === true));
  assert.deepEqual(await digestTags(store), []);
  const verifiers = [await key()];
  const verified = await verifySignatures({ source: store, subject, verifiers, annotations: { by: "p256" } });
  assert.equal(verified.verified, true);
  assert.equal((await verifyAttestations({ source: store, subject, verifiers, predicateType: CUSTOM })).verified, true);
  assert.ok((await referrersBeside(store, subject)).includes("application/vnd.cyclonedx+json"));

  const back = await convertSignatures({ target: store, subject, to: "tag", remove: true });
  assert.ok(back.every(({ removed }) => removed === true));
  assert.deepEqual(await referrersBeside(store, subject), []);
  assert.equal((await digestTags(store)).length, 3);
  assert.equal(
    (await verifySignatures({ source: store, subject, verifiers, annotations: { by: "p256" } })).verified,
    true,
  );
  assert.equal((await verifyAttestations({ source: store, subject, verifiers, predicateType: CUSTOM })).verified, true);
  const [layer] = await layersOf(store, { tag: sbom });
  await convertSignatures({ target: store, subject, to: "referrer" });
  await convertSignatures({ target: store, subject, to: "tag" });
  assert.deepEqual(await layersOf(store, { tag: sbom }), [layer]);
  assert.equal((await layersOf(store, { digest: before }))[0]?.digest, layer?.digest);
});

async function layersOf(store: Store, name: Name): Promise<readonly Descriptor[]> {
  const bytes = await collect(store.fetch(await store.resolve(name)), Limits.manifest, "manifest");
  return (JSON.parse(Buffer.from(bytes).toString("utf8")) as { readonly layers: readonly Descriptor[] }).layers;
}

test("--remove takes nothing of which a part stays, nor a tag that moved meanwhile", async () => {
  const { store, subject } = await copied("cosign-3");
  const before = await referrersBeside(store, subject);
  const converted = await convertSignatures({ target: store, subject, to: "tag", remove: true });
  const gone = converted.filter(({ removed }) => removed);
  assert.equal(gone.length, 2);
  assert.ok(converted.every(({ kept, removed }) => (kept === undefined) === (removed === true)));
  assert.equal((await referrersBeside(store, subject)).length, before.length - 2);

  const { store: moving, subject: signed } = await copied("cosign-2");
  const [tag = ""] = (await digestTags(moving)).filter((name) => name.endsWith(".sig"));
  const other = await moving.resolve({ tag: "v1" });
  const raced = decorate(moving, {
    async update(changes, options) {
      if (changes.some((change) => change.to === null)) await moving.update([{ tag, to: other }]);
      return moving.update(changes, options);
    },
  });
  await assert.rejects(convertSignatures({ target: raced, subject: signed, to: "referrer", remove: true }), (error) =>
    isOciError(error, "CONFLICT"),
  );
  assert.equal((await moving.resolve({ tag })).digest, other.digest);
});

test("the tag has room for one SBOM; which are no SBOMs stay where they are", async () => {
  const { store, subject } = await openSigned();
  const hang = async (type: string, text: string): Promise<void> => {
    const layer = pieceOf(Buffer.from(text), "application/json");
    await pushReferrer(store, preparePlainReferrer(subject, type, layer, new Date(0)), {});
  };
  await hang("application/vnd.cyclonedx+json", "one");
  await hang("application/spdx+json", "two");
  await hang("application/sarif+json", "scan");
  for (const dryRun of [true, false, false]) {
    const converted = await convertSignatures({ target: store, subject, to: "tag", dryRun });
    assert.deepEqual(
      converted.map(({ kind }) => kind),
      ["sbom", "sbom"],
    );
    assert.equal(converted.filter(({ kept }) => kept?.includes("room for one")).length, 1);
    assert.equal((await digestTags(store)).length, dryRun ? 0 : 1);
  }
  const [layer] = await layersOf(store, { tag: (await digestTags(store))[0] ?? "" });
  assert.match(layer?.mediaType ?? "", /cyclonedx|spdx/);
});

test("a dry run changes nothing", async () => {
  for (const [name, to] of [
    ["cosign-2", "referrer"],
    ["cosign-3", "tag"],
  ] as const) {
    const { store, subject } = await copied(name);
    const still = decorate(store, {
      push: () => assert.fail("pushed"),
      update: () => assert.fail("tagged"),
      delete: () => assert.fail("removed"),
    });
    const planned = await convertSignatures({ target: still, subject, to, dryRun: true, remove: true });
    assert.ok(planned.length > 0);
    assert.ok(planned.every(({ manifest }) => manifest === undefined));
  }
});
