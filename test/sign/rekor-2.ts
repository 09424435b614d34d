/** The interface of Rekor's version 2, over a log that speaks version 1: no promise and no time, only a proof. */
import { createHash } from "node:crypto";
import { bundleEntry, type Logged } from "./log-answer.ts";

interface Verifier {
  readonly keyDetails: string;
  readonly x509Certificate: { readonly rawBytes: string };
}

interface EntryRequest {
  readonly dsseRequestV002?: {
    readonly envelope: { readonly payload: string; readonly signatures: readonly { readonly sig: string }[] };
    readonly verifiers: readonly Verifier[];
  };
  readonly hashedRekordRequestV002?: {
    readonly digest: string;
    readonly signature: { readonly content: string; readonly verifier: Verifier };
  };
}

/** What such a log writes down (rekor-tiles, entry.proto). */
function entryOf({ dsseRequestV002: dsse, hashedRekordRequestV002: hashed }: EntryRequest): {
  readonly kind: string;
  readonly spec: unknown;
} {
  const algorithm = "SHA2_256";
  if (hashed) {
    const { digest, signature } = hashed;
    return { kind: "hashedrekord", spec: { hashedRekordV002: { data: { algorithm, digest }, signature } } };
  }
  if (!dsse) throw new Error("expected an envelope or a digest");
  const { envelope, verifiers } = dsse;
  const digest = createHash("sha256").update(Buffer.from(envelope.payload, "base64")).digest("base64");
  const signatures = envelope.signatures.map(({ sig }, at) => ({ content: sig, verifier: verifiers[at] }));
  return { kind: "dsse", spec: { dsseV002: { payloadHash: { algorithm, digest }, signatures } } };
}

/**
 * Answers a request of version 2.
 * @param log takes an entry in and answers as version 1 does
 */
export async function logEntry2(body: string, log: (entry: string) => Promise<string>): Promise<string> {
  const { kind, spec } = entryOf(JSON.parse(body) as EntryRequest);
  const version = "0.0.2";
  const [logged] = Object.values(
    JSON.parse(await log(JSON.stringify({ apiVersion: version, kind, spec }))) as Record<string, Logged>,
  );
  if (!logged) throw new Error("the log gave no entry");
  const { inclusionPromise: _promise, integratedTime: _time, ...entry } = bundleEntry(logged);
  return JSON.stringify({ ...entry, kindVersion: { kind, version } });
}
