import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { encodeBundle, keyMaterial } from "../../src/sign/bundle.ts";
import { encodeBase64 } from "../../src/sign/base64.ts";
import { preAuthEncoding } from "../../src/sign/dsse.ts";
import { createKeySigner, createKeyVerifier, type KeySigner, type KeyVerifier } from "../../src/sign/key.ts";
import { SignatureAnnotation, SignatureMedia } from "../../src/sign/media.ts";
import { pieceOf } from "../../src/sign/place.ts";
import { pushReferrer } from "../../src/sign/referrer.ts";
import { prepareBundleReferrer } from "../../src/sign/store-bundle.ts";
import { appendLayer } from "../../src/sign/store-layer.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { image, pushImage } from "../support/content.ts";

export const FIXTURES: string = join(import.meta.dirname, "fixtures");
/** Of the keys among the fixtures. */
export const PASSWORD = "fixture";

export function fixture(name: string): Promise<Buffer> {
  return readFile(join(FIXTURES, name));
}

/** Somebody with a key. */
export interface Person {
  readonly key: KeyObject;
  readonly signer: KeySigner;
  readonly verifier: KeyVerifier;
}

export function person(name: string): Person {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { key: privateKey, signer: createKeySigner(privateKey, name), verifier: createKeyVerifier(publicKey, name) };
}

export interface Signed {
  readonly store: Store;
  readonly subject: Descriptor;
  readonly other: Descriptor;
}

/** A store with two images. */
export async function openSigned(store: Store = createMemoryStore()): Promise<Signed> {
  const [first, second] = [image("first"), image("second")];
  await pushImage(store, first, ["v1"]);
  await pushImage(store, second, ["v2"]);
  return { store, subject: first.manifest.descriptor, other: second.manifest.descriptor };
}

/** A payload of cosign's, as anybody could write it. */
export function payloadOf(digest: string, changes: { type?: string; optional?: unknown } = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": "" },
        image: { "docker-manifest-digest": digest },
        type: changes.type ?? "cosign container image signature",
      },
      optional: changes.optional ?? null,
    }),
  );
}

export function statementOf(digest: string, changes: Record<string, unknown> = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { sha256: digest.replace("sha256:", "") } }],
      predicateType: "https://sigstore.dev/cosign/sign/v1",
      predicate: {},
      ...changes,
    }),
  );
}

/** Hangs a layer of any content and signature under the subject's `.sig` or `.att` tag. */
export async function hangLayer(
  { store, subject }: Signed,
  content: Uint8Array,
  signature: Uint8Array | string,
  suffix: ".sig" | ".att" = ".sig",
): Promise<void> {
  await appendLayer(
    store,
    {
      subject,
      suffix,
      content: pieceOf(content, suffix === ".sig" ? SignatureMedia.SimpleSigning : SignatureMedia.Dsse),
      annotations: {
        [SignatureAnnotation.Signature]: typeof signature === "string" ? signature : encodeBase64(signature),
      },
    },
    {},
  );
}

/** Hangs any bytes on the subject that say that they are a bundle. */
export async function hangBundle(
  { store, subject }: Signed,
  bundle: Uint8Array,
  on: Descriptor = subject,
): Promise<void> {
  const prepared = prepareBundleReferrer({ subject: on, bundle, content: "dsse-envelope", createdAt: new Date(0) });
  const { listed } = await pushReferrer(store, prepared, {});
  if (!listed) await store.listReferrers?.([{ subject, add: [prepared.listing], remove: [] }]);
}

/** A bundle that signs a payload. */
export async function bundleOf(
  { signer }: Person,
  payload: Uint8Array,
  payloadType: string = SignatureMedia.InToto,
): Promise<Uint8Array> {
  const { bytes } = await signer.sign(preAuthEncoding(payloadType, payload));
  const envelope = { payloadType, payload, signatures: [{ bytes }] };
  return encodeBundle({ kind: "dsse", envelope }, keyMaterial(signer.keyId));
}
