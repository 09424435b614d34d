import type { OciError } from "../../error/oci-error.ts";
import { malformed } from "../signed-json.ts";
import type { NotaryAlgorithm } from "./algorithm.ts";

export const NOTARY_PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json";

/** Names of what is signed beside the payload, and of what stands beside the signature (signature-envelope-jws.md). */
export const NotaryHeader: {
  readonly Scheme: "io.cncf.notary.signingScheme";
  readonly SigningTime: "io.cncf.notary.signingTime";
  readonly AuthenticSigningTime: "io.cncf.notary.authenticSigningTime";
  readonly Expiry: "io.cncf.notary.expiry";
  readonly Timestamp: "io.cncf.notary.timestampSignature";
  readonly Agent: "io.cncf.notary.signingAgent";
} = {
  Scheme: "io.cncf.notary.signingScheme",
  SigningTime: "io.cncf.notary.signingTime",
  AuthenticSigningTime: "io.cncf.notary.authenticSigningTime",
  Expiry: "io.cncf.notary.expiry",
  Timestamp: "io.cncf.notary.timestampSignature",
  Agent: "io.cncf.notary.signingAgent",
};

export type EnvelopeFormat = "jws" | "cose";
export type SigningScheme = "notary.x509" | "notary.x509.signingAuthority";

/** What is signed beside the payload. */
export interface SignedAttributes {
  readonly scheme: SigningScheme;
  /** By the signer's own clock; that of a signing authority is believed. Whole seconds. */
  readonly signingTime: Date;
  readonly expiry?: Date;
}

/** An envelope that was read; nothing of it is verified yet. */
export interface NotaryEnvelope extends SignedAttributes {
  readonly format: EnvelopeFormat;
  readonly algorithm: NotaryAlgorithm["name"];
  readonly payload: Uint8Array;
  /** DER, the signer's own first. */
  readonly certificates: readonly Uint8Array[];
  /** A TimeStampToken (RFC 3161), DER. */
  readonly timestamp?: Uint8Array;
  /** The exact bytes that the signature is over. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** What an envelope is made of once it is signed. */
export interface EnvelopeParts {
  readonly signature: Uint8Array;
  readonly certificates: readonly Uint8Array[];
  readonly timestamp?: Uint8Array;
  readonly agent: string;
}

/** An envelope before it is signed. */
export interface EnvelopeDraft {
  /** What has to be signed. */
  readonly message: Uint8Array;
  seal(parts: EnvelopeParts): Uint8Array;
}

/** Certificates of one chain. */
export const MAX_CHAIN = 16;
export const WHAT = "notation signature";

/** Header fields that were read, whatever the format. */
export interface ReadHeaders {
  readonly contentType: unknown;
  readonly critical: unknown;
  readonly scheme: unknown;
  readonly signingTime: Date | undefined;
  readonly authenticSigningTime: Date | undefined;
  readonly expiry: Date | undefined;
}

/** The names that have to be critical where they are there, and the only ones that may be. */
const CRITICAL: readonly string[] = [NotaryHeader.Scheme, NotaryHeader.AuthenticSigningTime, NotaryHeader.Expiry];

/** The names to mark critical. */
export function criticalOf({ scheme, expiry }: SignedAttributes): readonly string[] {
  return [
    NotaryHeader.Scheme,
    ...(scheme === "notary.x509" ? [] : [NotaryHeader.AuthenticSigningTime]),
    ...(expiry === undefined ? [] : [NotaryHeader.Expiry]),
  ];
}

/**
 * Checks the signed attributes by the rules that both formats share (signature-specification.md, "Signed Attributes").
 * @throws OciError MANIFEST_INVALID
 */
export function checkAttributes(headers: ReadHeaders): SignedAttributes {
  const { contentType, scheme, signingTime, authenticSigningTime, expiry } = headers;
  if (contentType !== NOTARY_PAYLOAD_TYPE) throw invalid(`its payload is ${shown(contentType)}`);
  if (scheme !== "notary.x509" && scheme !== "notary.x509.signingAuthority") {
    throw invalid(`its signing scheme is ${shown(scheme)}`);
  }
  const authority = scheme === "notary.x509.signingAuthority";
  const time = authority ? authenticSigningTime : signingTime;
  if (time === undefined || (authority ? signingTime : authenticSigningTime) !== undefined) {
    throw invalid(`its signing time does not go with the scheme ${scheme}`);
  }
  if (expiry !== undefined && expiry <= time) throw invalid("it expires before it was made");
  checkCritical(headers.critical, [
    NotaryHeader.Scheme,
    ...(authority ? [NotaryHeader.AuthenticSigningTime] : []),
    ...(expiry === undefined ? [] : [NotaryHeader.Expiry]),
  ]);
  return { scheme, signingTime: time, ...(expiry === undefined ? {} : { expiry }) };
}

/** What a signer calls critical has to be understood by whoever verifies: one unknown name fails it. */
function checkCritical(critical: unknown, needed: readonly string[]): void {
  if (!Array.isArray(critical)) throw invalid("it does not say what is critical in it");
  const names = new Set<unknown>(critical);
  if (names.size !== critical.length) throw invalid("it names something critical twice");
  for (const name of names) {
    if (typeof name !== "string" || !CRITICAL.includes(name)) {
      throw invalid(`it demands ${shown(name)}, which is unknown here`);
    }
    if (!needed.includes(name)) throw invalid(`it calls ${name} critical and has none`);
  }
  for (const name of needed) {
    if (!names.has(name)) throw invalid(`it has to call ${name} critical`);
  }
}

/** @throws OciError MANIFEST_INVALID */
export function checkChainLength(count: number): void {
  if (count === 0 || count > MAX_CHAIN) throw invalid(`it has ${count} certificates, expected 1 to ${MAX_CHAIN}`);
}

export function invalid(problem: string): OciError {
  return malformed(WHAT, problem);
}

export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  return typeof value === "string" || typeof value === "number" ? JSON.stringify(value).slice(0, 100) : "no such name";
}
