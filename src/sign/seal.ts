import { OciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import { type BundleContent, encodeBundle, keyMaterial } from "./bundle.ts";
import type { Signature, Signer } from "./signer.ts";

/** A bundle of a signature, with whatever its signer has others say of it. */
export async function sealBundle(
  content: BundleContent,
  signature: Signature,
  signer: Signer,
  options: Signal,
): Promise<Uint8Array> {
  if (signer.witness) return encodeBundle(content, await signer.witness(content, signature, options));
  if (signature.certificates && signature.certificates.length > 0) {
    throw new OciError(
      "UNSUPPORTED",
      `${signer.description} signs with a certificate, and nothing vouches for its time`,
    );
  }
  return encodeBundle(content, keyMaterial(signature.keyHint));
}
