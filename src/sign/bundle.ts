import { encodeJson, isJsonObject, type JsonObject } from "../spec/json.ts";
import { encodeBase64 } from "./base64.ts";
import type { HashName } from "./algorithm.ts";
import { type DsseEnvelope, dsseJson, parseDsse } from "./dsse.ts";
import { isBundleType, SignatureMedia } from "./media.ts";
import { malformed, parseObject, requireBase64, requireObject, requireText } from "./signed-json.ts";

/** A signature over bytes that lie elsewhere: a file. */
export interface MessageSignature {
  readonly signature: Uint8Array;
  /** Says what is signed before it is read; proves nothing. Absent for Ed25519. */
  readonly digest?: { readonly algorithm: HashName; readonly bytes: Uint8Array };
}

export type BundleContent =
  | { readonly kind: "dsse"; readonly envelope: DsseEnvelope }
  | { readonly kind: "message"; readonly message: MessageSignature };

/** A Sigstore bundle: a signature with all that is needed to verify it. */
export interface Bundle {
  readonly mediaType: string;
  readonly content: BundleContent;
  /** How the key is named; undefined where certificates are. */
  readonly keyHint?: string;
  /** The document whole, for what certificates, logs and timestamps say. */
  readonly document: JsonObject;
}

/** What there is beside a signature: `publicKey`, or `certificate` with `tlogEntries` and `timestampVerificationData`. */
export type VerificationMaterial = JsonObject;

const WHAT = "Sigstore bundle";
const HASHES: Readonly<Record<string, HashName>> = { SHA2_256: "sha256", SHA2_384: "sha384", SHA2_512: "sha512" };

/** The material of a signature by a key. */
export function keyMaterial(keyHint: string | undefined): VerificationMaterial {
  return { publicKey: keyHint === undefined ? {} : { hint: keyHint } };
}

/** A bundle of version 0.3 (protobuf-specs, sigstore_bundle.proto). */
export function encodeBundle(content: BundleContent, verificationMaterial: VerificationMaterial): Uint8Array {
  return encodeJson({
    mediaType: SignatureMedia.Bundle,
    verificationMaterial,
    ...(content.kind === "dsse"
      ? { dsseEnvelope: dsseJson(content.envelope) }
      : { messageSignature: messageJson(content.message) }),
  });
}

function messageJson({ signature, digest }: MessageSignature): JsonObject {
  const algorithm = Object.entries(HASHES).find(([, name]) => name === digest?.algorithm)?.[0];
  return {
    messageDigest: digest && algorithm !== undefined ? { algorithm, digest: encodeBase64(digest.bytes) } : {},
    signature: encodeBase64(signature),
  };
}

/** @throws OciError MANIFEST_INVALID */
export function parseBundle(bytes: Uint8Array): Bundle {
  const document = parseObject(bytes, WHAT);
  const mediaType = requireText(document["mediaType"], WHAT, "mediaType");
  if (!isBundleType(mediaType)) throw malformed(WHAT, `mediaType is ${JSON.stringify(mediaType.slice(0, 100))}`);
  const material = requireObject(document["verificationMaterial"], WHAT, "verificationMaterial");
  const { dsseEnvelope, messageSignature } = document;
  if ((dsseEnvelope === undefined) === (messageSignature === undefined)) {
    throw malformed(WHAT, "expected one of dsseEnvelope and messageSignature");
  }
  const content: BundleContent =
    dsseEnvelope === undefined
      ? { kind: "message", message: parseMessage(requireObject(messageSignature, WHAT, "messageSignature")) }
      : { kind: "dsse", envelope: oneSignature(parseDsse(requireObject(dsseEnvelope, WHAT, "dsseEnvelope"))) };
  const { publicKey } = material;
  const hint = isJsonObject(publicKey) ? publicKey["hint"] : undefined;
  return { mediaType, content, document, ...(typeof hint === "string" && hint !== "" ? { keyHint: hint } : {}) };
}

/** The material is that of one signer (sigstore_bundle.proto: "exactly one signature"). */
function oneSignature(envelope: DsseEnvelope): DsseEnvelope {
  if (envelope.signatures.length === 1) return envelope;
  throw malformed(WHAT, `its envelope has ${envelope.signatures.length} signatures, expected 1`);
}

function parseMessage(object: JsonObject): MessageSignature {
  const signature = requireBase64(object["signature"], WHAT, "messageSignature.signature");
  const { messageDigest } = object;
  if (!isJsonObject(messageDigest) || messageDigest["digest"] === undefined) return { signature };
  const name = requireText(messageDigest["algorithm"], WHAT, "messageSignature.messageDigest.algorithm");
  const algorithm = Object.hasOwn(HASHES, name) ? HASHES[name] : undefined;
  if (algorithm === undefined)
    throw malformed(WHAT, `the digest algorithm ${JSON.stringify(name.slice(0, 40))} is unknown`);
  const bytes = requireBase64(messageDigest["digest"], WHAT, "messageSignature.messageDigest.digest");
  return { signature, digest: { algorithm, bytes } };
}
