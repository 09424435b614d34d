import { OciError } from "../error/oci-error.ts";

/** One block of a PEM file (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----/;
const LINE = 64;

/**
 * Reads the first block of a PEM file; what stands around it is left alone.
 * @throws OciError FILE_INVALID
 */
export function parsePem(text: string, what: string): PemBlock {
  const [, label, body] = BLOCK.exec(text) ?? [];
  if (label === undefined || body === undefined) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: expected PEM, -----BEGIN …-----`);
  }
  const packed = body.replaceAll(/\s+/g, "");
  const bytes = Buffer.from(packed, "base64");
  if (bytes.toString("base64") !== packed) throw new OciError("FILE_INVALID", `Invalid ${what}: its base64 is broken`);
  return { label, bytes };
}

export function encodePem({ label, bytes }: PemBlock): string {
  const body = Buffer.from(bytes)
    .toString("base64")
    .replaceAll(new RegExp(`.{1,${LINE}}`, "g"), "$&\n");
  return `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
}
