import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Via } from "../store/names.ts";

/** Whose form a signature has. */
export type SignatureKind =
  | "cosign-simple"
  | "cosign-attestation"
  | "sigstore-bundle"
  | "notation-jws"
  | "notation-cose"
  /** It says that it is a signature, and is none that berth reads. */
  | "unknown";

/** Something on a subject that is a signature or attestation, or looks like one. */
export interface FoundSignature {
  readonly kind: SignatureKind;
  /** The manifest that it lies in. */
  readonly manifest: Descriptor;
  /** Its place among that manifest's layers. */
  readonly layer?: Descriptor;
  /** Of the layer, else of the manifest. */
  readonly mediaType: string;
  readonly artifactType?: string;
  /** Of the manifest. */
  readonly annotations: Annotations;
  readonly via: Via;
  /** The digest tag it was found under. */
  readonly tag?: string;
  /** Why it cannot count, whoever made it. */
  readonly problem?: string;
}
