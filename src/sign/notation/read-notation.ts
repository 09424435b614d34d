import { isOciError } from "../../error/oci-error.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import { shownJson } from "../../spec/json.ts";
import { isNotarySignature, type NotaryAlgorithm, notaryAlgorithmOf } from "./algorithm.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { parseCose } from "./cose.ts";
import { type EnvelopeFormat, invalid, type NotaryEnvelope } from "./envelope.ts";
import { parseJws } from "./jws.ts";
import { parsePayload, type TargetArtifact } from "./payload.ts";

/** A notation signature that is whole: its own first certificate's key made it, over this subject. Not that anybody trusts it. */
export interface NotationSignature {
  readonly envelope: NotaryEnvelope;
  readonly artifact: TargetArtifact;
  /** The signer's own first. */
  readonly chain: readonly Certificate[];
}

/** @throws OciError MANIFEST_INVALID */
export function parseEnvelope(bytes: Uint8Array, format: EnvelopeFormat): NotaryEnvelope {
  return format === "jws" ? parseJws(bytes) : parseCose(bytes);
}

/**
 * Reads an envelope and checks its integrity (trust-store-trust-policy.md, "Validate Integrity"): the key of the
 * first certificate alone fixes the algorithm, made the signature, and what is signed is the subject.
 * @throws OciError MANIFEST_INVALID
 */
export function readNotation(bytes: Uint8Array, format: EnvelopeFormat, subject: Descriptor): NotationSignature {
  const envelope = parseEnvelope(bytes, format);
  const chain = readChain(envelope.certificates);
  checkSignature(envelope, chain);
  const artifact = parsePayload(envelope.payload);
  const { mediaType, digest, size } = artifact;
  if (digest !== subject.digest) throw invalid(`it is of ${digest.slice(0, 150)}, not of ${subject.digest}`);
  if (mediaType !== subject.mediaType || size !== subject.size) {
    throw invalid(`it is of ${size} bytes of ${shownJson(mediaType)}, not of ${subject.size} of ${subject.mediaType}`);
  }
  return { envelope, artifact, chain };
}

function readChain(certificates: readonly Uint8Array[]): readonly Certificate[] {
  try {
    return certificates.map((bytes) => parseCertificate(bytes, "certificate of a notation signature"));
  } catch (error) {
    throw isOciError(error) ? invalid(error.message) : error;
  }
}

function checkSignature(envelope: NotaryEnvelope, [leaf]: readonly Certificate[]): void {
  const algorithm: NotaryAlgorithm | undefined = leaf && notaryAlgorithmOf(leaf.publicKey);
  if (leaf === undefined || algorithm === undefined)
    throw invalid("its certificate has a key that notation does not sign with");
  if (algorithm.name !== envelope.algorithm) {
    throw invalid(`it says ${envelope.algorithm}, and the key of its certificate signs with ${algorithm.name}`);
  }
  if (!isNotarySignature(algorithm, envelope.message, leaf.publicKey, envelope.signature)) {
    throw invalid("its signature is not by the key of its certificate, or it was changed");
  }
}
