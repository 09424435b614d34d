import { hash } from "node:crypto";
import { parseBundle } from "../../src/sign/bundle.ts";
import { preAuthEncoding } from "../../src/sign/dsse.ts";
import { createIdentityVerifier, type IdentityVerifierOptions } from "../../src/sign/identity-verifier.ts";
import { createKeylessSigner, type KeylessSigner } from "../../src/sign/keyless-signer.ts";
import { SignatureMedia } from "../../src/sign/media.ts";
import { encodePem } from "../../src/sign/pem.ts";
import { sealBundle } from "../../src/sign/seal.ts";
import type { Claim, Verifier } from "../../src/sign/signer.ts";
import { exactly } from "../../src/sign/text-pattern.ts";
import { parseTrustedRoot } from "../../src/sign/trusted-root.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import type { LogEntry, Logged } from "./log-answer.ts";
import { ISSUER, type SigstoreServices, tokenOf, type TrustedRootDocument } from "./sigstore-services.ts";

export const ANN = "ann@example.com";
export const BOB = "bob@example.com";

/** A keyless bundle, as its JSON is; tests change it. */
export interface BundleDocument {
  mediaType: string;
  verificationMaterial: {
    certificate: { rawBytes: string };
    tlogEntries?: LogEntry[];
    timestampVerificationData?: { rfc3161Timestamps?: { signedTimestamp: string }[] };
  };
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

/** Somebody with a token. */
export function signerOf(
  services: SigstoreServices,
  subject: string,
  { logs = true, timestamps = false, claims = {} }: { logs?: boolean; timestamps?: boolean; claims?: object } = {},
): Promise<KeylessSigner> {
  return createKeylessSigner({
    token: async () => tokenOf(subject, { ...claims }),
    services: {
      authority: services.url,
      logs: logs ? [{ url: services.url, version: 1 }] : [],
      timestamps: timestamps ? [services.url] : [],
    },
  });
}

/** Somebody who trusts these services, and expects ann. */
export function verifierOf(
  root: TrustedRootDocument,
  options: Partial<Omit<IdentityVerifierOptions, "trust">> = {},
): Verifier {
  return createIdentityVerifier({
    subjects: [exactly(ANN)],
    issuer: exactly(ISSUER),
    trust: () => parseTrustedRoot(Buffer.from(JSON.stringify(root)), "trusted root"),
    ...options,
  });
}

/** A bundle over any payload. */
export async function sealed(
  signer: KeylessSigner,
  payload: Uint8Array,
  payloadType: string = SignatureMedia.InToto,
): Promise<BundleDocument> {
  const signature = await signer.sign(preAuthEncoding(payloadType, payload));
  const envelope = { payloadType, payload, signatures: [{ bytes: signature.bytes }] };
  const bytes = await sealBundle({ kind: "dsse", envelope }, signature, signer, {});
  return JSON.parse(Buffer.from(bytes).toString()) as BundleDocument;
}

/** What a verifier is asked about a bundle. */
export function claimOf(document: BundleDocument): Claim {
  const { content } = parseBundle(encode(document));
  if (content.kind !== "dsse") throw new Error("expected an envelope");
  const { payloadType, payload, signatures } = content.envelope;
  return {
    message: preAuthEncoding(payloadType, payload),
    signature: signatures[0]?.bytes ?? new Uint8Array(),
    bundle: document as unknown as JsonObject,
  };
}

export function encode(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}

export function certificateIn({ verificationMaterial }: BundleDocument): Buffer {
  return Buffer.from(verificationMaterial.certificate.rawBytes, "base64");
}

export function pemOf(certificate: Uint8Array): string {
  return encodePem({ label: "CERTIFICATE", bytes: certificate });
}

/** Has the log take in a signature over a message by whoever a certificate says. */
export async function logSignature(
  { url }: SigstoreServices,
  message: Uint8Array,
  signature: Uint8Array,
  certificate: Uint8Array,
): Promise<Logged> {
  return logEntry(url, "hashedrekord", {
    data: { hash: { algorithm: "sha256", value: hash("sha256", message) } },
    signature: {
      content: Buffer.from(signature).toString("base64"),
      publicKey: { content: Buffer.from(pemOf(certificate)).toString("base64") },
    },
  });
}

/** Has the log take in a signature over an envelope's payload. */
export async function logEnvelope(
  { url }: SigstoreServices,
  payload: Uint8Array,
  signature: Uint8Array,
  certificate: Uint8Array,
): Promise<Logged> {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const envelope = JSON.stringify({ payload: base64(payload), signatures: [{ sig: base64(signature) }] });
  const verifiers = [base64(Buffer.from(pemOf(certificate)))];
  return logEntry(url, "dsse", { proposedContent: { envelope, verifiers } });
}

async function logEntry(url: string, kind: string, spec: unknown): Promise<Logged> {
  const response = await fetch(`${url}/api/v1/log/entries`, {
    method: "POST",
    body: JSON.stringify({ kind, apiVersion: "0.0.1", spec }),
  });
  const [entry] = Object.values((await response.json()) as Record<string, Logged>);
  if (!entry) throw new Error("the log gave no entry");
  return entry;
}
