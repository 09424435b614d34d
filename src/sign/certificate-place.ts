import { isJsonObject, type JsonValue } from "../spec/json.ts";
import { decodeBase64 } from "./base64.ts";
import { SignatureAnnotation } from "./media.ts";
import { parsePem } from "./pem.ts";
import type { Claim } from "./signer.ts";

/**
 * The certificate that came with a signature, DER; undefined for one by a bare key.
 * @throws OciError FILE_INVALID where it is no PEM
 */
export function certificateOf({ bundle, annotations }: Pick<Claim, "bundle" | "annotations">): Uint8Array | undefined {
  if (bundle) {
    const { verificationMaterial: material } = bundle;
    if (!isJsonObject(material)) return undefined;
    return rawBytes(material["certificate"]) ?? rawBytes(firstOf(material["x509CertificateChain"]));
  }
  const pem = annotations?.[SignatureAnnotation.Certificate];
  return pem === undefined || pem === "" ? undefined : parsePem(pem, "certificate").bytes;
}

function rawBytes(value: JsonValue | undefined): Uint8Array | undefined {
  const raw = isJsonObject(value) ? value["rawBytes"] : undefined;
  return typeof raw === "string" ? decodeBase64(raw) : undefined;
}

/** The signer's own; what stands behind it has to be in the trusted root. */
function firstOf(chain: JsonValue | undefined): JsonValue | undefined {
  const certificates = isJsonObject(chain) ? chain["certificates"] : undefined;
  return Array.isArray(certificates) ? (certificates as readonly JsonValue[])[0] : undefined;
}
