import { createPublicKey, type KeyObject } from "node:crypto";
import { OciError } from "../../error/oci-error.ts";
import { requireNotaryAlgorithm, signNotary } from "./algorithm.ts";
import type { Certificate } from "./certificate.ts";
import { draftCose } from "./cose.ts";
import type { EnvelopeDraft, EnvelopeFormat, SignedAttributes } from "./envelope.ts";
import { draftJws } from "./jws.ts";
import { type EnvelopeSigner, signingProblem } from "./sign-notation.ts";
import type { Timestamper } from "./timestamper.ts";
import type { NotaryAlgorithm } from "./algorithm.ts";

/** What signatures say they were made with; proves nothing. */
export const AGENT = "berth";

export interface CertificateSignerOptions {
  readonly privateKey: KeyObject;
  /** The key's own first, the root last. */
  readonly chain: readonly Certificate[];
  /** What messages call the key, such as its file. */
  readonly label: string;
  readonly timestamper?: Timestamper;
  /** The time of signing; the clock's when absent. */
  readonly now?: () => Date;
}

export function draftEnvelope(
  format: EnvelopeFormat,
  payload: Uint8Array,
  attributes: SignedAttributes,
  algorithm: NotaryAlgorithm,
): EnvelopeDraft {
  return (format === "jws" ? draftJws : draftCose)(payload, attributes, algorithm);
}

/**
 * Signs as notation does with a key and its X.509 certificates.
 * @throws OciError FILE_INVALID for a key without an algorithm, another key's certificate, and certificates that
 *   cannot sign
 */
export function createCertificateSigner(options: CertificateSignerOptions): EnvelopeSigner {
  const { privateKey, chain, label, timestamper, now = () => new Date() } = options;
  const algorithm = requireNotaryAlgorithm(privateKey, label);
  if (chain[0]?.publicKey.equals(createPublicKey(privateKey)) !== true) {
    throw new OciError("FILE_INVALID", `The first certificate is not that of the key ${label}`, {
      hint: "The file has to begin with the certificate of the key, and end with the root",
    });
  }
  const problem = signingProblem(chain, now());
  if (problem !== undefined) throw new OciError("FILE_INVALID", `Cannot sign with ${label}: ${problem}`);
  return {
    description: label,
    async seal({ format, payload, signingTime, expiry }, waits) {
      waits.signal?.throwIfAborted();
      const attributes = { scheme: "notary.x509", signingTime, ...(expiry === undefined ? {} : { expiry }) } as const;
      const draft = draftEnvelope(format, payload, attributes, algorithm);
      const signature = signNotary(algorithm, draft.message, privateKey);
      const timestamp = await timestamper?.stamp(signature, algorithm.hash, waits);
      const certificates = chain.map(({ raw }) => raw);
      return {
        envelope: draft.seal({
          signature,
          certificates,
          agent: AGENT,
          ...(timestamp === undefined ? {} : { timestamp }),
        }),
      };
    },
  };
}
