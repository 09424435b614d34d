import type { KeyObject } from "node:crypto";
import { OciError } from "../error/oci-error.ts";

/**
 * How a key signs. The key alone decides it, never what is signed nor anything beside it, so that
 * nobody can talk a verifier into a weaker one.
 */
export type SignatureAlgorithm =
  | "ecdsa-p256-sha256"
  | "ecdsa-p384-sha384"
  | "ecdsa-p521-sha512"
  | "rsa-pkcs1-sha256"
  | "ed25519";

export type HashName = "sha256" | "sha384" | "sha512";

/** What the message is hashed with; undefined where the algorithm takes it whole. */
export function hashOf(algorithm: SignatureAlgorithm): HashName | undefined {
  switch (algorithm) {
    case "ecdsa-p256-sha256":
    case "rsa-pkcs1-sha256":
      return "sha256";
    case "ecdsa-p384-sha384":
      return "sha384";
    case "ecdsa-p521-sha512":
      return "sha512";
    case "ed25519":
      return undefined;
  }
}

const CURVES: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: "ecdsa-p256-sha256",
  secp384r1: "ecdsa-p384-sha384",
  secp521r1: "ecdsa-p521-sha512",
};
/** Bits of an RSA modulus: less can be broken, more only costs time. */
const RSA_BITS = { min: 2048, max: 8192 };

/**
 * The algorithm that a key signs with.
 * @throws OciError FILE_INVALID for keys that berth does not sign or verify with
 */
export function algorithmOfKey(key: KeyObject): SignatureAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519") return "ed25519";
  if (type === "rsa") {
    const bits = details?.modulusLength ?? 0;
    if (bits >= RSA_BITS.min && bits <= RSA_BITS.max) return "rsa-pkcs1-sha256";
    throw unfit(`an RSA key of ${bits} bits; it has to have ${RSA_BITS.min} to ${RSA_BITS.max}`);
  }
  const curve = type === "ec" ? CURVES[details?.namedCurve ?? ""] : undefined;
  if (curve) return curve;
  throw unfit(
    type === "ec" ? `a key on the curve ${details?.namedCurve ?? "unknown"}` : `a key of type ${type ?? "unknown"}`,
  );
}

function unfit(got: string): OciError {
  return new OciError("FILE_INVALID", `Cannot sign or verify with ${got}`, {
    hint: "Keys are ECDSA on P-256, P-384 or P-521, RSA or Ed25519; make one with: berth key generate",
  });
}
