import type { TransparencyLogEntry } from "@sigstore/bundle";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { decodeBase64 } from "./base64.ts";
import { parsePem } from "./pem.ts";
import { malformed, parseObject, requireBase64, requireObject, requireText } from "./signed-json.ts";

const WHAT = "log entry";

/**
 * Checks that an entry of a transparency log is of a signature by this certificate, not only of the same bytes.
 * @param certificate DER
 * @throws OciError MANIFEST_INVALID, FILE_INVALID
 */
export function requireCertificate(entry: TransparencyLogEntry, certificate: Uint8Array): void {
  const logged = certificateIn(parseObject(entry.canonicalizedBody, WHAT));
  if (logged === undefined) throw malformed(WHAT, "it does not say with which key was signed");
  if (!Buffer.from(logged).equals(certificate)) throw malformed(WHAT, "it is of a signature by another key");
}

/** The certificate that an entry names (types of Rekor: hashedrekord, dsse, intoto; PEM in those of its version 1). */
function certificateIn(body: JsonObject): Uint8Array | undefined {
  const { spec } = body;
  const pem = [
    at(spec, "signature", "publicKey", "content"),
    at(spec, "signatures", 0, "verifier"),
    at(spec, "content", "envelope", "signatures", 0, "publicKey"),
    at(spec, "publicKey"),
  ].find((value) => typeof value === "string");
  if (typeof pem === "string") {
    const bytes = decodeBase64(pem);
    return bytes && parsePem(Buffer.from(bytes).toString("latin1"), `key of a ${WHAT}`).bytes;
  }
  const raw = [
    at(spec, "hashedRekordV002", "signature", "verifier", "x509Certificate", "rawBytes"),
    at(spec, "dsseV002", "signatures", 0, "verifier", "x509Certificate", "rawBytes"),
  ].find((value) => typeof value === "string");
  return typeof raw === "string" ? decodeBase64(raw) : undefined;
}

function at(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue | undefined {
  let here = value;
  for (const step of path) {
    if (typeof step === "number") here = Array.isArray(here) ? (here as readonly JsonValue[])[step] : undefined;
    else here = isJsonObject(here) ? here[step] : undefined;
  }
  return here;
}

/**
 * Reads the log entry that cosign 2 keeps in an annotation: what the log promised, without a proof.
 * @throws OciError MANIFEST_INVALID
 */
export function parsePromise(text: string): TransparencyLogEntry {
  const document = parseObject(Buffer.from(text, "utf8"), WHAT);
  const payload = requireObject(document["Payload"], WHAT, "Payload");
  const body = requireBase64(payload["body"], WHAT, "Payload.body");
  const { kind, apiVersion } = parseObject(body, WHAT);
  const logId = requireText(payload["logID"], WHAT, "Payload.logID");
  if (!/^[0-9a-f]{64}$/.test(logId)) throw malformed(WHAT, "Payload.logID must be a SHA-256 in hex");
  return {
    logIndex: String(requireWhole(payload["logIndex"], "Payload.logIndex")),
    logId: { keyId: Buffer.from(logId, "hex") },
    kindVersion: { kind: requireText(kind, WHAT, "kind"), version: requireText(apiVersion, WHAT, "apiVersion") },
    integratedTime: String(requireWhole(payload["integratedTime"], "Payload.integratedTime")),
    inclusionPromise: {
      signedEntryTimestamp: Buffer.from(requireBase64(document["SignedEntryTimestamp"], WHAT, "SignedEntryTimestamp")),
    },
    inclusionProof: undefined,
    canonicalizedBody: Buffer.from(body),
  };
}

function requireWhole(value: JsonValue | undefined, where: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(WHAT, `${where} must be a whole number`);
}
