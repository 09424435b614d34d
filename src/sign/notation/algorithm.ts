import { constants, type KeyObject, sign, verify } from "node:crypto";
import type { HashName } from "../algorithm.ts";
import { OciError } from "../../error/oci-error.ts";

/** An algorithm of the Notary Project (signature-specification.md, "Algorithm Selection") in every spelling. */
export interface NotaryAlgorithm {
  /** JWS `alg` (RFC 7518). */
  readonly name: "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512";
  /** COSE label of it (RFC 9053). */
  readonly cose: number;
  readonly hash: HashName;
  /** What plug-ins call the key. */
  readonly keySpec: "RSA-2048" | "RSA-3072" | "RSA-4096" | "EC-256" | "EC-384" | "EC-521";
  /** What plug-ins call the signature. */
  readonly signing: string;
  readonly pluginHash: "SHA-256" | "SHA-384" | "SHA-512";
}

export const NOTARY_ALGORITHMS: readonly NotaryAlgorithm[] = [
  algorithm("PS256", -37, "sha256", "RSA-2048"),
  algorithm("PS384", -38, "sha384", "RSA-3072"),
  algorithm("PS512", -39, "sha512", "RSA-4096"),
  algorithm("ES256", -7, "sha256", "EC-256"),
  algorithm("ES384", -35, "sha384", "EC-384"),
  algorithm("ES512", -36, "sha512", "EC-521"),
];
const CURVES: Readonly<Record<string, NotaryAlgorithm["keySpec"]>> = {
  prime256v1: "EC-256",
  secp384r1: "EC-384",
  secp521r1: "EC-521",
};

function algorithm(
  name: NotaryAlgorithm["name"],
  cose: number,
  hash: HashName,
  keySpec: NotaryAlgorithm["keySpec"],
): NotaryAlgorithm {
  const pluginHash = `SHA-${hash.slice(3)}` as NotaryAlgorithm["pluginHash"];
  const signing = `${name.startsWith("PS") ? "RSASSA-PSS" : "ECDSA"}-${pluginHash}`;
  return { name, cose, hash, keySpec, signing, pluginHash };
}

/** What a key signs with: the key alone decides it; undefined for keys that the specification has no algorithm for. */
export function notaryAlgorithmOf(key: KeyObject): NotaryAlgorithm | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const keySpec =
    type === "rsa"
      ? `RSA-${details?.modulusLength ?? 0}`
      : type === "ec"
        ? CURVES[details?.namedCurve ?? ""]
        : undefined;
  return NOTARY_ALGORITHMS.find((each) => each.keySpec === keySpec);
}

/** @throws OciError FILE_INVALID */
export function requireNotaryAlgorithm(key: KeyObject, what: string): NotaryAlgorithm {
  const found = notaryAlgorithmOf(key);
  if (found) return found;
  throw new OciError("FILE_INVALID", `Notation signs with no such key as that of ${what}`, {
    hint: "Keys are RSA of 2048, 3072 or 4096 bits, or ECDSA on P-256, P-384 or P-521",
  });
}

/** ECDSA signatures are the two numbers side by side, in JWS as in COSE; the salt of RSASSA-PSS is as long as the hash. */
function form(key: KeyObject): {
  key: KeyObject;
  dsaEncoding?: "ieee-p1363";
  padding?: number;
  saltLength?: number;
} {
  if (key.asymmetricKeyType === "ec") return { key, dsaEncoding: "ieee-p1363" };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

export function signNotary({ hash }: NotaryAlgorithm, message: Uint8Array, privateKey: KeyObject): Uint8Array {
  return sign(hash, message, form(privateKey));
}

export function isNotarySignature(
  { hash }: NotaryAlgorithm,
  message: Uint8Array,
  publicKey: KeyObject,
  signature: Uint8Array,
): boolean {
  return verify(hash, message, form(publicKey), signature);
}
