import assert from "node:assert/strict";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { listSignatures } from "../../src/sign/list-signatures.ts";
import { signManifests } from "../../src/sign/sign.ts";
import type { Verdict, Verifier } from "../../src/sign/signer.ts";
import { inspectSignatures, verifyAttestations, verifySignatures } from "../../src/sign/verify.ts";
import { emptyDescriptor } from "../../src/spec/empty.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { json, piece, pushBlob, pushManifest } from "../support/content.ts";
import { hangLayer, openSigned, payloadOf, person, type Signed } from "./scene.ts";

const ann = person("ann");
const NOTATION = "application/vnd.cncf.notary.signature";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** Hangs an artifact on the subject: its type, and the types of its layers. */
async function hang({ store, subject }: Signed, artifactType: string, ...layerTypes: readonly string[]): Promise<void> {
  const layers = layerTypes.map((type, at) => piece(`${artifactType} ${at}`, type));
  const config = piece("{}", MediaType.Empty);
  for (const each of [config, ...layers]) await pushBlob(store, each);
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      artifactType,
      config: emptyDescriptor,
      layers: layers.map(({ descriptor }) => descriptor),
      subject,
    },
    MediaType.ImageManifest,
  );
  await pushManifest(store, manifest);
}

const kinds = async ({ store, subject }: Signed): Promise<readonly string[]> =>
  (await listSignatures({ source: store, subject }))
    .map(({ kind, problem }) => `${kind}${problem === undefined ? "" : `: ${problem}`}`)
    .toSorted();

test("signatures of every tool are told apart, and other artifacts left out", async () => {
  const signed = await openSigned();
  await hang(signed, NOTATION, "application/jose+json");
  await hang(signed, `${NOTATION}.other`, "application/jose+json");
  await hang(signed, "application/vnd.cyclonedx+json", "application/vnd.cyclonedx+json");
  await hang(signed, BUNDLE, BUNDLE);
  await hangLayer(signed, payloadOf(signed.subject.digest), Buffer.from("x"));
  await hangLayer(signed, Buffer.from("{}"), "", ".att");
  assert.deepEqual(await kinds(signed), ["cosign-attestation", "cosign-simple", "notation-jws", "sigstore-bundle"]);
  const cose = await openSigned();
  await hang(cose, NOTATION, "application/cose");
  assert.deepEqual(await kinds(cose), ["notation-cose"]);
});

test("what says that it is a signature and is none is listed with what is wrong", async () => {
  for (const [type, layers, problem] of [
    [NOTATION, ["text/plain"], /unknown: its layer is text\/plain/],
    [NOTATION, [BUNDLE], /unknown: its layer is /],
    [NOTATION, ["application/cose", "application/cose"], /unknown: its manifest has 2 layers/],
    [BUNDLE, [], /unknown: its manifest has no layer/],
    [BUNDLE, ["application/octet-stream"], /unknown: its layer is/],
  ] as const) {
    const signed = await openSigned();
    await hang(signed, type, ...layers);
    const [only, ...more] = await kinds(signed);
    assert.equal(more.length, 0);
    assert.match(only ?? "", problem);
    const report = await verifySignatures({ source: signed.store, subject: signed.subject, verifiers: [ann.verifier] });
    assert.equal(report.verified, false);
  }
});

test("a verifier that reads a form of its own is asked about it, and keys are not", async () => {
  const signed = await openSigned();
  await hang(signed, NOTATION, "application/jose+json");
  const wanted = { source: signed.store, subject: signed.subject };
  const unable = await inspectSignatures({ ...wanted, verifiers: [ann.verifier] });
  assert.match(unable[0]?.reason ?? "", /a key cannot verify notation-jws/);
  const verdicts: Verdict[] = [
    { valid: true, signer: { id: "x509:a", label: "a" } },
    { valid: false, reason: "its certificate has expired" },
  ];
  for (const verdict of verdicts) {
    const own: Verifier = {
      description: "a trust policy",
      verify: () => assert.fail("it is no claim"),
      judge: async ({ kind, bytes, subject }) => {
        assert.deepEqual(
          [kind, Buffer.from(bytes).toString(), subject.digest],
          ["notation-jws", `${NOTATION} 0`, signed.subject.digest],
        );
        return verdict;
      },
    };
    const report = await verifySignatures({ ...wanted, verifiers: [ann.verifier, own] });
    assert.equal(report.verified, verdict.valid);
    if (!verdict.valid) assert.equal(report.signatures[0]?.reason, verdict.reason);
    assert.equal((await verifyAttestations({ ...wanted, verifiers: [own] })).verified, false);
  }
});

test("a digest that a tag cannot hold is signed as a referrer alone", async () => {
  const store = createMemoryStore();
  const subject = json(
    { schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests: [] },
    MediaType.ImageIndex,
    "sha512",
  );
  await pushManifest(store, subject);
  const subjects = [{ target: store, descriptor: subject.descriptor }];
  await assert.rejects(signManifests({ subjects, signer: ann.signer, storage: "tag" }), (error) =>
    isOciError(error, "UNSUPPORTED"),
  );
  await signManifests({ subjects, signer: ann.signer });
  const report = await verifySignatures({ source: store, subject: subject.descriptor, verifiers: [ann.verifier] });
  assert.equal(report.verified, true);
});
