import { OciError } from "../../error/oci-error.ts";
import { Limits } from "../../spec/limits.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { MAX_CHAIN } from "./envelope.ts";

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;
/** What a file of certificates in PEM may hold beside them, each left alone. */
const MAX_BLOCKS = 256;

/**
 * Reads a file of certificates: PEM, one after another, or one in DER.
 * @param what names it in messages
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED
 */
export function parseCertificates(bytes: Uint8Array, what: string): readonly Certificate[] {
  if (bytes.length > Limits.certificates) {
    throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${bytes.length} bytes, the limit is ${Limits.certificates}`);
  }
  const text = Buffer.from(bytes).toString("latin1");
  if (!text.includes("-----BEGIN ")) return [parseCertificate(bytes, what)];
  const found: Certificate[] = [];
  for (const [, label, body = ""] of text.matchAll(BLOCK)) {
    if (label !== "CERTIFICATE")
      throw new OciError("FILE_INVALID", `Invalid ${what}: it has a ${label ?? "block"} in it`);
    if (found.length >= MAX_BLOCKS) throw new OciError("LIMIT_EXCEEDED", `The ${what} has more than ${MAX_BLOCKS}`);
    found.push(parseCertificate(Buffer.from(body.replaceAll(/\s+/g, ""), "base64"), what));
  }
  if (found.length > 0) return found;
  throw new OciError("FILE_INVALID", `Invalid ${what}: it has no certificate in it`);
}

/** The chain to sign with, the signer's own certificate first. @throws OciError FILE_INVALID, LIMIT_EXCEEDED */
export function parseChain(bytes: Uint8Array, what: string): readonly Certificate[] {
  const chain = parseCertificates(bytes, what);
  if (chain.length <= MAX_CHAIN) return chain;
  throw new OciError(
    "FILE_INVALID",
    `Invalid ${what}: it has ${chain.length} certificates, expected 1 to ${MAX_CHAIN}`,
  );
}
