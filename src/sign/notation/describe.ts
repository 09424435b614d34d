import type { Annotations } from "../../spec/descriptor.ts";
import { type EnvelopeFormat, rfc3339 } from "./envelope.ts";
import { parseCertificate } from "./certificate.ts";
import { parsePayload } from "./payload.ts";
import { parseEnvelope } from "./read-notation.ts";

/** What a notation signature says of itself; proves nothing. */
export interface NotationDescription {
  /** Of the first certificate. */
  readonly certificateSubject: string;
  /** RFC 3339. */
  readonly signingTime: string;
  /** RFC 3339. */
  readonly expiry?: string;
  readonly timestamped: boolean;
  readonly claims: Annotations;
}

/** @throws OciError MANIFEST_INVALID, FILE_INVALID for what cannot be read */
export function describeNotation(bytes: Uint8Array, format: EnvelopeFormat): NotationDescription {
  const { certificates, signingTime, expiry, timestamp, payload } = parseEnvelope(bytes, format);
  const [leaf = new Uint8Array()] = certificates;
  return {
    certificateSubject: parseCertificate(leaf, "certificate of a notation signature").subject,
    signingTime: rfc3339(signingTime),
    ...(expiry === undefined ? {} : { expiry: rfc3339(expiry) }),
    timestamped: timestamp !== undefined,
    claims: parsePayload(payload).annotations,
  };
}
