import { hash, verify } from "node:crypto";
import { bundleFromJSON, type TransparencyLogEntry } from "@sigstore/bundle";
import { RFC3161Timestamp, X509Certificate } from "@sigstore/core";
import { type SignedEntity, toSignedEntity } from "@sigstore/verify";
import { algorithmOfKey, hashOf } from "./algorithm.ts";
import { payloadOfEncoding } from "./dsse.ts";
import { parsePromise } from "./log-entry.ts";
import { SignatureAnnotation } from "./media.ts";
import { malformed, parseObject, requireBase64 } from "./signed-json.ts";
import type { Claim } from "./signer.ts";
import { formatTime } from "../spec/time.ts";

/** Log entries and timestamps of one signature: each is compared with each. */
const MAX_WITNESSES = 16;

/**
 * A claim in the form that Sigstore's verifier takes. What is verified is the claim's own message and signature,
 * whatever the documents beside them say.
 * @param certificate the claim's, DER
 * @throws OciError MANIFEST_INVALID, and what the parsers throw
 */
export function entityOf(claim: Claim, certificate: Uint8Array): SignedEntity {
  const signature = contentOf(claim);
  const key = { $case: "certificate" as const, certificate: X509Certificate.parse(Buffer.from(certificate)) };
  const { tlogEntries, timestamps } = claim.bundle ? ofBundle(claim.bundle, claim) : ofAnnotations(claim);
  if (tlogEntries.length > MAX_WITNESSES || timestamps.length > MAX_WITNESSES) {
    throw malformed("signature", `it has more than ${MAX_WITNESSES} log entries or timestamps`);
  }
  return { signature, key, tlogEntries: [...tlogEntries], timestamps: [...timestamps] };
}

type Witnessed = Pick<SignedEntity, "tlogEntries" | "timestamps">;

function ofBundle(document: NonNullable<Claim["bundle"]>, { message }: Claim): Witnessed {
  return toSignedEntity(bundleFromJSON(document), Buffer.from(message));
}

/** cosign 2: one entry, promised but not proved, and one timestamp at most. */
function ofAnnotations({ annotations = {} }: Claim): Witnessed {
  const [entry, stamp] = [annotations[SignatureAnnotation.LogEntry], annotations[SignatureAnnotation.Timestamp]];
  const tlogEntries: TransparencyLogEntry[] = entry === undefined || entry === "" ? [] : [parsePromise(entry)];
  const timestamps = tlogEntries.map((tlogEntry) => ({ $case: "transparency-log" as const, tlogEntry }));
  if (stamp === undefined || stamp === "") return { tlogEntries, timestamps };
  const what = "timestamp";
  const document = parseObject(Buffer.from(stamp, "utf8"), what);
  const token = requireBase64(document["SignedRFC3161Timestamp"], what, "SignedRFC3161Timestamp");
  const timestamp = RFC3161Timestamp.parse(Buffer.from(token));
  return { tlogEntries, timestamps: [...timestamps, { $case: "timestamp-authority", timestamp }] };
}

/** The signature with what log entries of it have to name. The key decides the algorithm. */
function contentOf({ message, signature }: Claim): SignedEntity["signature"] {
  const own = Buffer.from(signature);
  const payload = payloadOfEncoding(message);
  return {
    signature: own,
    compareSignature: (logged) => own.equals(logged),
    compareDigest: (logged) => payload !== undefined && hash("sha256", payload, "buffer").equals(logged),
    compareSignedDigest(logged) {
      const name = { 32: "sha256", 48: "sha384", 64: "sha512" }[logged.length];
      return name !== undefined && hash(name, message, "buffer").equals(logged);
    },
    verifySignature: (key) => verify(hashOf(algorithmOfKey(key)), message, key, own),
  };
}

/** When it was signed, as a verified entity's witnesses say; the earliest. RFC 3339. */
export function signedAtOf({ timestamps }: SignedEntity): string | undefined {
  const times = timestamps.flatMap((witness) => {
    if (witness.$case === "timestamp-authority") return [witness.timestamp.signingTime.getTime()];
    // Without the log's promise its time is nobody's word.
    const { inclusionPromise, integratedTime } = witness.tlogEntry;
    return inclusionPromise === undefined ? [] : [Number(integratedTime) * 1000];
  });
  return times.length === 0 ? undefined : formatTime(new Date(Math.min(...times)));
}
