import { isOciError } from "../error/oci-error.ts";
import { isJsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { certificateOf } from "./certificate-place.ts";
import { SignatureAnnotation } from "./media.ts";
import type { Claim } from "./signer.ts";
import { formatTime } from "../spec/time.ts";

/** Whom the certificate beside a signature names. Anybody can write such a thing: it proves nothing. */
export interface ClaimedIdentity {
  readonly subject: string;
  readonly issuer: string;
  /** When a log is said to have taken it in. RFC 3339. */
  readonly loggedAt?: string;
  /** When its signer says that it was made. RFC 3339. */
  readonly signedAt?: string;
  /** When its signer says that it ends. RFC 3339. */
  readonly expiresAt?: string;
}

/** What a signature says of its signer, unverified; undefined for a bare key's, and where it cannot be read. */
export async function claimedIdentity(claim: Claim): Promise<ClaimedIdentity | undefined> {
  try {
    const certificate = certificateOf(claim);
    if (certificate === undefined) return undefined;
    const { readCertificate } = await import("./certificate.ts");
    const { subject, issuer } = readCertificate(certificate);
    const loggedAt = timeOf(claim);
    return { subject, issuer, ...(loggedAt === undefined ? {} : { loggedAt }) };
  } catch (error) {
    if (isOciError(error)) return undefined;
    throw error;
  }
}

function timeOf({ bundle, annotations }: Claim): string | undefined {
  const time = bundle ? bundleTime(bundle) : annotationTime(annotations?.[SignatureAnnotation.LogEntry]);
  const seconds = typeof time === "string" && /^\d{1,15}$/.test(time) ? Number(time) : time;
  // Beyond that a Date has no text.
  if (typeof seconds !== "number" || seconds <= 0 || seconds > 8.64e12) return undefined;
  return formatTime(new Date(seconds * 1000));
}

function bundleTime({ verificationMaterial: material }: NonNullable<Claim["bundle"]>): JsonValue | undefined {
  const entries = isJsonObject(material) ? material["tlogEntries"] : undefined;
  const [entry] = Array.isArray(entries) ? (entries as readonly JsonValue[]) : [];
  return isJsonObject(entry) ? entry["integratedTime"] : undefined;
}

function annotationTime(text: string | undefined): JsonValue | undefined {
  if (text === undefined || text === "") return undefined;
  const document = parseJson(Buffer.from(text, "utf8"), "log entry");
  const payload = isJsonObject(document) ? document["Payload"] : undefined;
  return isJsonObject(payload) ? payload["integratedTime"] : undefined;
}
