import { hash } from "node:crypto";
import { isOciError, OciError } from "../error/oci-error.ts";
import { isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import { hashOf } from "./algorithm.ts";
import { decodeBase64 } from "./base64.ts";
import { type BundleContent, parseBundle } from "./bundle.ts";
import { sealBundle } from "./seal.ts";
import { SignatureAnnotation } from "./media.ts";
import { malformed, requireBase64 } from "./signed-json.ts";
import type { Claim, Signer, SignerIdentity, Verifier } from "./signer.ts";

/**
 * Signs the bytes of a file.
 * @returns a Sigstore bundle, as cosign sign-blob writes it
 */
export async function signFile(file: Uint8Array, signer: Signer, options: Signal = {}): Promise<Uint8Array> {
  const signature = await signer.sign(file, options);
  const algorithm = hashOf(signature.algorithm) ?? "sha256";
  const digest = { algorithm, bytes: hash(algorithm, file, "buffer") };
  const content: BundleContent = { kind: "message", message: { signature: signature.bytes, digest } };
  return sealBundle(content, signature, signer, options);
}

export interface VerifyFileOptions extends Signal {
  readonly file: Uint8Array;
  /** A Sigstore bundle, cosign's older one, or a bare signature in base64. */
  readonly bundle: Uint8Array;
  readonly verifiers: readonly Verifier[];
  /** Distinct signers; 1 when absent. A bundle has one. */
  readonly threshold?: number;
}

/** The outcome for one file. */
export interface VerifiedFile {
  readonly verified: boolean;
  readonly signers: readonly SignerIdentity[];
  readonly keyHint?: string;
  readonly reason?: string;
}

/**
 * Verifies that a signature is over a file and by one of the verifiers.
 * @throws OciError USAGE without verifiers, and what they throw
 */
export async function verifyFile(options: VerifyFileOptions): Promise<VerifiedFile> {
  const { file, bundle, verifiers, threshold = 1, signal } = options;
  if (verifiers.length === 0) throw new OciError("USAGE", "Expected at least one key to verify with, got none");
  let claim: Claim;
  try {
    claim = readClaim(file, bundle);
  } catch (error) {
    if (!isOciError(error, "MANIFEST_INVALID")) throw error;
    return { verified: false, signers: [], reason: error.message };
  }
  const signers = new Map<string, SignerIdentity>();
  const reasons = new Set<string>();
  for (const verifier of verifiers) {
    const verdict = await verifier.verify(claim, signal ? { signal } : {});
    if (verdict.valid) signers.set(verdict.signer.id, verdict.signer);
    else reasons.add(verdict.reason);
  }
  const verified = signers.size >= threshold;
  const short = signers.size > 0 ? `${signers.size} distinct signers are fewer than ${threshold}` : undefined;
  return {
    verified,
    signers: [...signers.values()],
    ...(claim.keyHint === undefined ? {} : { keyHint: claim.keyHint }),
    ...(verified ? {} : { reason: short ?? [...reasons].join("; ") }),
  };
}

const WHAT = "signature of a file";

function readClaim(message: Uint8Array, bundle: Uint8Array): Claim {
  const text = Buffer.from(bundle).toString("latin1").trim();
  const bare = text.startsWith("{") ? undefined : decodeBase64(text);
  if (bare && bare.length > 0) return { message, signature: bare };
  const document = parseJson(bundle, WHAT);
  if (!isJsonObject(document)) throw malformed(WHAT, "expected a Sigstore bundle");
  return document["mediaType"] === undefined ? olderClaim(message, document) : bundleClaim(message, bundle);
}

/** What cosign wrote before there were Sigstore bundles. */
function olderClaim(message: Uint8Array, document: JsonObject): Claim {
  const signature = requireBase64(document["base64Signature"], WHAT, "base64Signature");
  const { cert, rekorBundle } = document;
  if (cert === undefined || cert === "") return { message, signature };
  // Of one without a key: the same that cosign 2 puts into annotations of an image.
  const certificate = Buffer.from(requireBase64(cert, WHAT, "cert")).toString("latin1");
  const entry = rekorBundle === undefined ? "" : JSON.stringify(rekorBundle);
  const annotations = { [SignatureAnnotation.Certificate]: certificate, [SignatureAnnotation.LogEntry]: entry };
  return { message, signature, annotations };
}

function bundleClaim(message: Uint8Array, bytes: Uint8Array): Claim {
  const { content, keyHint, document } = parseBundle(bytes);
  if (content.kind === "dsse") throw malformed(WHAT, "it signs a statement, not the file");
  const { signature, digest } = content.message;
  if (digest && !hash(digest.algorithm, message, "buffer").equals(digest.bytes)) {
    throw malformed(WHAT, `it is of another file: its ${digest.algorithm} differs`);
  }
  return { message, signature, bundle: document, ...(keyHint === undefined ? {} : { keyHint }) };
}
