import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import type { Signal } from "../store/content.ts";
import { algorithmOfKey, hashOf, type SignatureAlgorithm } from "./algorithm.ts";
import type { Claim, Signature, Signer, Verdict, Verifier } from "./signer.ts";

/** Signs with a private key in memory. */
export interface KeySigner extends Signer {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: KeyObject;
  /** As {@link keyIdOf} its public key. */
  readonly keyId: string;
}

/** Verifies by one public key. */
export interface KeyVerifier extends Verifier {
  readonly algorithm: SignatureAlgorithm;
  readonly keyId: string;
}

/** The name of a public key: base64 of the SHA-256 of its DER form, as cosign's bundles have it for a hint. */
export function keyIdOf(publicKey: KeyObject): string {
  return hash("sha256", publicKey.export({ type: "spki", format: "der" }), "base64");
}

/**
 * A signer of a private key.
 * @param label what messages call the key, such as its file
 * @throws OciError FILE_INVALID for keys that berth does not sign with
 */
export function createKeySigner(privateKey: KeyObject, label: string): KeySigner {
  const algorithm = algorithmOfKey(privateKey);
  const publicKey = createPublicKey(privateKey);
  const keyId = keyIdOf(publicKey);
  return {
    description: label,
    algorithm,
    publicKey,
    keyId,
    async sign(bytes: Uint8Array, options?: Signal): Promise<Signature> {
      options?.signal?.throwIfAborted();
      return { bytes: sign(hashOf(algorithm), bytes, privateKey), algorithm, keyHint: keyId };
    },
  };
}

/**
 * A verifier of a public key. The key fixes the algorithm; hints and whatever else stands beside a
 * signature decide nothing.
 * @param label what messages call the key, such as its file
 * @throws OciError FILE_INVALID for keys that berth does not verify with
 */
export function createKeyVerifier(publicKey: KeyObject, label: string): KeyVerifier {
  const algorithm = algorithmOfKey(publicKey);
  const keyId = keyIdOf(publicKey);
  return {
    description: label,
    algorithm,
    keyId,
    async verify(claim: Claim): Promise<Verdict> {
      if (await isValid(claim, publicKey, algorithm)) {
        return { valid: true, signer: { id: `key:${keyId}`, label } };
      }
      return { valid: false, reason: `the signature is not by the key ${label}` };
    },
  };
}

async function isValid(claim: Claim, publicKey: KeyObject, algorithm: SignatureAlgorithm): Promise<boolean> {
  const { message, signature } = claim;
  if (verify(hashOf(algorithm), message, publicKey, signature)) return true;
  // cosign signs images with Ed25519ph, which is another signature by the same key and no weaker one, and itself
  // verifies Ed25519 alone; node:crypto has no Ed25519ph.
  if (algorithm !== "ed25519" || signature.length !== 64) return false;
  const { ed25519ph } = await import("@noble/curves/ed25519.js");
  try {
    return ed25519ph.verify(signature, message, Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"));
  } catch {
    return false;
  }
}
