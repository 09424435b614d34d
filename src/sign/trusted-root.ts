import type { TrustMaterial } from "@sigstore/verify";
import { OciError } from "../error/oci-error.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";

/** Whose certificates, logs and clocks are believed; gets them when they are first needed. */
export type TrustSource = (options: Signal) => Promise<TrustMaterial>;

/**
 * Reads a trusted root (protobuf-specs, sigstore_trustroot.proto).
 * @param what names it in messages
 * @throws OciError FILE_INVALID for what is none, or trusts nobody; LIMIT_EXCEEDED
 */
export async function parseTrustedRoot(bytes: Uint8Array, what: string): Promise<TrustMaterial> {
  if (bytes.length > Limits.trustedRoot) {
    throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${bytes.length} bytes, the limit is ${Limits.trustedRoot}`);
  }
  const document = parseJson(bytes, what, "FILE_INVALID");
  if (!isJsonObject(document)) throw new OciError("FILE_INVALID", `Invalid ${what}: expected a JSON object`);
  const [{ TrustedRoot }, { toTrustMaterial }] = await Promise.all([
    import("@sigstore/protobuf-specs"),
    import("@sigstore/verify"),
  ]);
  let material: TrustMaterial;
  try {
    material = toTrustMaterial(TrustedRoot.fromJSON(document));
  } catch (cause) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: its certificates or keys cannot be read`, { cause });
  }
  if (!material.certificateAuthorities.some(({ certChain }) => certChain.length > 0)) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: it names no certificate authority, so it trusts nobody`);
  }
  return material;
}
