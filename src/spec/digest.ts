import { OciError } from "../error/oci-error.ts";

/** `algorithm:encoded`, checked by {@link parseDigest} (image-spec descriptor.md, "Digests"). */
export type Digest = `${string}:${string}` & { readonly __digest: unique symbol };

/** The algorithms that berth computes. Others are carried, never computed. */
export type Algorithm = "sha256" | "sha512";

const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX: Readonly<Record<Algorithm, RegExp>> = {
  sha256: /^[a-f0-9]{64}$/,
  sha512: /^[a-f0-9]{128}$/,
};
/** Longest digest text accepted: sha512 needs 135 characters, unknown algorithms get some room. */
const MAX_LENGTH = 256;

export function isAlgorithm(value: string): value is Algorithm {
  return value === "sha256" || value === "sha512";
}

export function isDigest(text: string): text is Digest {
  if (text.length > MAX_LENGTH || !GRAMMAR.test(text)) return false;
  const colon = text.indexOf(":");
  const algorithm = text.slice(0, colon);
  return !isAlgorithm(algorithm) || HEX[algorithm].test(text.slice(colon + 1));
}

/**
 * Checks a digest's grammar and, for registered algorithms, its length.
 * @throws OciError DIGEST_INVALID
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  throw new OciError("DIGEST_INVALID", `Invalid digest ${JSON.stringify(shown)}: expected algorithm:encoded`);
}

export function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":"));
}

export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/**
 * The algorithm of a digest that has to be computed.
 * @throws OciError DIGEST_INVALID for algorithms that berth only carries
 */
export function computableAlgorithm(digest: Digest): Algorithm {
  const algorithm = algorithmOf(digest);
  if (isAlgorithm(algorithm)) return algorithm;
  throw new OciError("DIGEST_INVALID", `Cannot check ${digest}: algorithm ${algorithm} is not one of sha256, sha512`, {
    digest,
  });
}

/** `sha256:0123456789ab`, for people. */
export function shortDigest(digest: Digest): string {
  return `${algorithmOf(digest)}:${encodedOf(digest).slice(0, 12)}`;
}
