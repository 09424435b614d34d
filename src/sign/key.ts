import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import type { ed25519ph } from "@noble/curves/ed25519.js";
import { algorithmOfKey, hashOf, type SignatureAlgorithm } from "./algorithm.ts";
import type { Claim, Signature, Signer, SignOptions, Verdict, Verifier } from "./signer.ts";

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

function rawEd25519(key: KeyObject, part: "x" | "d"): Uint8Array {
  return Buffer.from(key.export({ format: "jwk" })[part] ?? "", "base64url");
}

/** node:crypto has no Ed25519ph. */
async function prehashed(): Promise<typeof ed25519ph> {
  return (await import("@noble/curves/ed25519.js")).ed25519ph;
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
    async sign(bytes: Uint8Array, options: SignOptions): Promise<Signature> {
      options.signal?.throwIfAborted();
      if (algorithm === "ed25519" && options.use === "image") {
        const scheme = await prehashed();
        return { bytes: scheme.sign(bytes, rawEd25519(privateKey, "d")), algorithm: "ed25519ph", keyHint: keyId };
      }
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
  // The one kind of key with two forms; neither is the weaker, and no signature is both.
  if (algorithm !== "ed25519" || signature.length !== 64) return false;
  const scheme = await prehashed();
  try {
    return scheme.verify(signature, message, rawEd25519(publicKey, "x"));
  } catch {
    return false;
  }
}
