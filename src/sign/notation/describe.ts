import { isOciError } from "../../error/oci-error.ts";
import type { Annotations } from "../../spec/descriptor.ts";
import type { ClaimedIdentity } from "../claimed-identity.ts";
import { parseCertificate } from "./certificate.ts";
import { type EnvelopeFormat } from "./envelope.ts";
import { parsePayload } from "./payload.ts";
import { parseEnvelope } from "./read-notation.ts";
import { formatTime } from "../../spec/time.ts";

/** What a notation signature says of itself; proves nothing. */
export interface NotationDescription {
  readonly claimedIdentity: ClaimedIdentity;
  readonly claims: Annotations;
}

/** @returns undefined for what cannot be read */
export function describeNotation(bytes: Uint8Array, format: EnvelopeFormat): NotationDescription | undefined {
  try {
    const { certificates, signingTime, expiry, payload } = parseEnvelope(bytes, format);
    const [leaf = new Uint8Array()] = certificates;
    const { subject, issuer } = parseCertificate(leaf, "certificate of a notation signature");
    return {
      claimedIdentity: {
        subject,
        issuer,
        signedAt: formatTime(signingTime),
        ...(expiry === undefined ? {} : { expiresAt: formatTime(expiry) }),
      },
      claims: parsePayload(payload).annotations,
    };
  } catch (error) {
    if (isOciError(error)) return undefined;
    throw error;
  }
}
