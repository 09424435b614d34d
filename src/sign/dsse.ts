import { encodeJson, type JsonObject } from "../spec/json.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { malformed, requireArray, requireBase64, requireObject, requireText } from "./signed-json.ts";

/** A payload with signatures over it and its type (DSSE 1.0). */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly DsseSignature[];
}

export interface DsseSignature {
  readonly bytes: Uint8Array;
  readonly keyId?: string;
}

const WHAT = "DSSE envelope";
/** Signatures in one envelope; cosign writes one. */
const MAX_SIGNATURES = 32;

/**
 * The bytes that are signed (DSSE, "PAE"): lengths are those of the UTF-8 bytes, so that no
 * two pairs of type and payload have the same encoding.
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, "utf8");
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** The payload in what {@link preAuthEncoding} gave; undefined for any other bytes. */
export function payloadOfEncoding(encoding: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(encoding.buffer, encoding.byteOffset, encoding.byteLength);
  const [head, typeLength] = /^DSSEv1 (0|[1-9]\d{0,9}) /.exec(bytes.toString("latin1", 0, 32)) ?? [];
  if (head === undefined) return undefined;
  const afterType = head.length + Number(typeLength);
  const [middle, length] = /^ (0|[1-9]\d{0,9}) /.exec(bytes.toString("latin1", afterType, afterType + 16)) ?? [];
  if (middle === undefined) return undefined;
  const payload = bytes.subarray(afterType + middle.length);
  return payload.length === Number(length) ? payload : undefined;
}

/** As it stands in a document. */
export function dsseJson({ payloadType, payload, signatures }: DsseEnvelope): JsonObject {
  return {
    payload: encodeBase64(payload),
    payloadType,
    signatures: signatures.map(({ bytes, keyId }) => ({
      ...(keyId === undefined ? {} : { keyid: keyId }),
      sig: encodeBase64(bytes),
    })),
  };
}

/** An attestation's layer as cosign 2 writes it. */
export function encodeDsse(envelope: DsseEnvelope): Uint8Array {
  return encodeJson(dsseJson(envelope));
}

/** Reads an envelope out of a document. @throws OciError MANIFEST_INVALID */
export function parseDsse(document: JsonObject): DsseEnvelope {
  const payloadType = requireText(document["payloadType"], WHAT, "payloadType");
  // A lone surrogate has no bytes in UTF-8: what would be signed is not what is written.
  if (!payloadType.isWellFormed()) throw malformed(WHAT, "payloadType must be valid text");
  const listed = requireArray(document["signatures"], WHAT, "signatures");
  if (listed.length === 0 || listed.length > MAX_SIGNATURES) {
    throw malformed(WHAT, `it has ${listed.length} signatures, expected 1 to ${MAX_SIGNATURES}`);
  }
  const signatures = listed.map((each, at): DsseSignature => {
    const object = requireObject(each, WHAT, `signatures[${at}]`);
    const { keyid } = object;
    const bytes = requireBase64(object["sig"], WHAT, `signatures[${at}].sig`);
    return { bytes, ...(typeof keyid === "string" && keyid !== "" ? { keyId: keyid } : {}) };
  });
  return { payloadType, payload: payloadOf(document), signatures };
}

/** The DSSE specification allows both alphabets. */
function payloadOf(document: JsonObject): Uint8Array {
  const text = requireText(document["payload"], WHAT, "payload");
  const bytes = decodeBase64(text) ?? decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  if (bytes) return bytes;
  throw malformed(WHAT, "payload must be base64");
}
