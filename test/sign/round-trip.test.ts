import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry, createMemoryStore } from "../../src/memory/memory.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { serve } from "../../src/server/serve.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createKeySigner, createKeyVerifier } from "../../src/sign/key.ts";
import { generateKey } from "../../src/sign/key-file.ts";
import { KEY_KINDS } from "../../src/sign/key-kind.ts";
import { listSignatures } from "../../src/sign/list-signatures.ts";
import { membersOf } from "../../src/sign/members.ts";
import { attestManifests, signManifests } from "../../src/sign/sign.ts";
import { predicateTypeOf } from "../../src/sign/statement.ts";
import { cosignTag } from "../../src/sign/store-layer.ts";
import { verifyAttestations, verifySignatures } from "../../src/sign/verify.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { copy } from "../../src/transfer/copy.ts";
import { image, index, pushImage, pushManifest, toArray } from "../support/content.ts";
import { openSigned, person } from "./scene.ts";

const ann = person("ann");
const bob = person("bob");
const STORAGES = ["referrer", "tag"] as const;
const TYPE = "https://example.com/tested/v1";

/** The media that signatures are tried on. */
const MEDIA: readonly { readonly name: string; with(work: (store: Store) => Promise<void>): Promise<void> }[] = [
  { name: "memory", with: (work) => work(createMemoryStore()) },
  {
    name: "a layout",
    async with(work) {
      const folder = await mkdtemp(join(tmpdir(), "berth-sign-"));
      try {
        await using store = await openLayout(join(folder, "layout"), { create: true });
        await work(store);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  },
  {
    name: "a registry",
    async with(work) {
      await using registry = createMemoryRegistry();
      const server = await serve({ registry, host: "127.0.0.1", port: 0 });
      try {
        await using store = await openRemote({ host: new URL(server.url).host, repository: "app" });
        await work(store);
      } finally {
        await server.close(0);
      }
    },
  },
];

for (const medium of MEDIA) {
  describe(`signatures in ${medium.name}`, () => {
    for (const storage of STORAGES) {
      test(`are added to those that are there, and verify (${storage})`, async () => {
        await medium.with(async (store) => {
          const { subject, other } = await openSigned(store);
          const subjects = [{ target: store, descriptor: subject, reference: "example.com/app" }];
          await signManifests({ subjects, signer: ann.signer, storage, annotations: { env: "prod" } });
          await signManifests({ subjects, signer: bob.signer, storage });
          await attestManifests({
            subjects,
            signer: ann.signer,
            storage,
            predicateType: TYPE,
            predicate: { ok: true },
          });
          await attestManifests({
            subjects,
            signer: bob.signer,
            storage,
            predicateType: TYPE,
            predicate: { ok: false },
          });
          const verifiers = [ann.verifier, bob.verifier];
          const both = await verifySignatures({ source: store, subject, verifiers, threshold: 2 });
          assert.equal(both.verified, true, both.reason);
          const claimed = { source: store, subject, annotations: { env: "prod" } };
          assert.equal((await verifySignatures({ ...claimed, verifiers: [ann.verifier] })).verified, true);
          assert.equal((await verifySignatures({ ...claimed, verifiers: [bob.verifier] })).verified, false);
          const attested = await verifyAttestations({
            source: store,
            subject,
            verifiers: [bob.verifier],
            predicateType: TYPE,
          });
          const [counted, ...more] = attested.signatures.filter(({ valid }) => valid);
          assert.deepEqual([counted?.statement?.predicate, more.length], [{ ok: false }, 0]);
          assert.equal((await listSignatures({ source: store, subject })).length, 4);
          assert.equal((await listSignatures({ source: store, subject: other })).length, 0);
        });
      });
    }
  });
}

test("a layout's signatures verify in the registry they are copied to, and the other way", async () => {
  const [layout, registry] = [MEDIA[1], MEDIA[2]];
  for (const [from, to] of [
    [layout, registry],
    [registry, layout],
  ]) {
    await from?.with(async (source) => {
      const { subject } = await openSigned(source);
      const subjects = [{ target: source, descriptor: subject }];
      for (const storage of STORAGES) await signManifests({ subjects, signer: ann.signer, storage });
      await to?.with(async (target) => {
        await copy({ source, target, roots: [{ descriptor: subject, tags: ["v1"] }] });
        const report = await verifySignatures({ source: target, subject, verifiers: [ann.verifier] });
        assert.deepEqual(
          report.signatures.map(({ valid }) => valid),
          [true, true],
        );
      });
    });
  }
});

test("every kind of key, both storages", async () => {
  for (const kind of KEY_KINDS) {
    const key = await generateKey(kind);
    for (const storage of STORAGES) {
      const { store, subject } = await openSigned();
      await signManifests({
        subjects: [{ target: store, descriptor: subject }],
        signer: createKeySigner(key, kind),
        storage,
      });
      const verifiers = [createKeyVerifier(createPublicKey(key), kind)];
      assert.equal(
        (await verifySignatures({ source: store, subject, verifiers })).verified,
        true,
        `${kind} ${storage}`,
      );
    }
  }
});

test("an index and each manifest in it, nested ones too, each once", async () => {
  const store = createMemoryStore();
  const images = [image("a"), image("b"), image("c")];
  for (const each of images) await pushImage(store, each, []);
  const [a, b, c] = images.map(({ manifest }) => manifest.descriptor);
  const inner = index([a, b].filter((each) => each !== undefined));
  const outer = index([inner.descriptor, ...[a, c].filter((each) => each !== undefined)]);
  for (const each of [inner, outer]) await pushManifest(store, each, []);
  const members = await membersOf(store, outer.descriptor);
  assert.equal(members.length, 5);
  assert.equal(members[0], outer.descriptor);
  const subjects = [...members, ...members].map((descriptor) => ({ target: store, descriptor }));
  const signed = await signManifests({ subjects, signer: ann.signer });
  assert.equal(signed.length, 5);
  for (const subject of members) {
    const report = await verifySignatures({ source: store, subject, verifiers: [ann.verifier] });
    assert.equal(report.signatures.length, 1);
    assert.equal(report.verified, true);
  }
});

test("the very same signature under a tag is not added twice", async () => {
  const { store, subject } = await openSigned();
  const signer = createKeySigner(await generateKey("ed25519"), "same");
  const sign = () => signManifests({ subjects: [{ target: store, descriptor: subject }], signer, storage: "tag" });
  assert.deepEqual([(await sign())[0]?.existed, (await sign())[0]?.existed], [false, true]);
  assert.equal((await listSignatures({ source: store, subject })).length, 1);
});

test("those who sign at the same time under one tag lose nothing", async () => {
  const { store, subject } = await openSigned();
  const people = Array.from({ length: 5 }, (_, at) => person(`p${at}`));
  const subjects = [{ target: store, descriptor: subject }];
  await Promise.all(people.map(({ signer }) => signManifests({ subjects, signer, storage: "tag" })));
  const verifiers = people.map(({ verifier }) => verifier);
  assert.equal((await verifySignatures({ source: store, subject, verifiers, threshold: 5 })).verified, true);
});

test("a tag that is taken by something else is left alone", async () => {
  const { store, subject } = await openSigned();
  const tag = cosignTag(subject, ".sig");
  await pushManifest(store, index([]), [tag]);
  const before = await store.resolve({ tag });
  const subjects = [{ target: store, descriptor: subject }];
  await assert.rejects(signManifests({ subjects, signer: ann.signer, storage: "tag" }), (error) =>
    isOciError(error, "MANIFEST_INVALID"),
  );
  assert.deepEqual(await store.resolve({ tag }), before);
});

test("a dry run signs and stores nothing", async () => {
  const { store, subject } = await openSigned();
  const still = decorate(store, { push: () => assert.fail("pushed"), update: () => assert.fail("tagged") });
  const signer = { ...ann.signer, sign: () => assert.fail("signed") };
  for (const storage of STORAGES) {
    const [planned] = await signManifests({
      subjects: [{ target: still, descriptor: subject }],
      signer,
      storage,
      dryRun: true,
    });
    assert.equal(planned?.manifest, undefined);
  }
  assert.deepEqual(
    (await toArray(store.tags())).map(({ name }) => name),
    ["v1", "v2"],
  );
});

test("when one subject fails, what was signed before is listed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "berth-sign-"));
  try {
    await using store = await openLayout(join(folder, "layout"), { create: true });
    const { subject, other } = await openSigned(store);
    let count = 0;
    const failing = {
      ...ann.signer,
      sign: (bytes: Uint8Array) => ((count += 1) === 2 ? Promise.reject(new Error("no")) : ann.signer.sign(bytes)),
    };
    const subjects = [subject, other].map((descriptor) => ({ target: store, descriptor }));
    await assert.rejects(signManifests({ subjects, signer: failing, concurrency: 1 }), /no/);
    assert.equal((await verifySignatures({ source: store, subject, verifiers: [ann.verifier] })).verified, true);
    assert.equal((await listSignatures({ source: store, subject: other })).length, 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("short names of predicate types are cosign's; anything else is a URI", () => {
  assert.equal(predicateTypeOf("slsaprovenance1"), "https://slsa.dev/provenance/v1");
  assert.equal(predicateTypeOf(TYPE), TYPE);
  for (const text of ["", "sbom", "constructor", "not a uri", "https://a b"]) {
    assert.throws(
      () => predicateTypeOf(text),
      (error) => isOciError(error, "USAGE"),
    );
  }
});
