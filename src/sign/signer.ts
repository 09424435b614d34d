import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { SignatureAlgorithm } from "./algorithm.ts";
import type { SignatureKind } from "./found-signature.ts";
import type { BundleContent, VerificationMaterial } from "./bundle.ts";

/** A signature over some bytes, and what says by whom it is. */
export interface Signature {
  readonly bytes: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  /** Names the key to whoever has several; proves nothing. cosign: the base64 SHA-256 of the public key. */
  readonly keyHint?: string;
  /** X.509, DER, the signer's own first. */
  readonly certificates?: readonly Uint8Array[];
}

/** Signs bytes: a key at hand, a plug-in, an identity with a certificate of the moment. */
export interface Signer {
  /** What a message and a plan call it; never a secret. */
  readonly description: string;
  sign(bytes: Uint8Array, options?: Signal): Promise<Signature>;
  /**
   * Has others vouch for a signature just made (a log, a clock), and gives all that verifies it. A signer
   * without it is known by its key alone.
   */
  witness?(content: BundleContent, signature: Signature, options?: Signal): Promise<VerificationMaterial>;
}

/** A signature that was found, and all that came with it; nothing of it is trusted yet. */
export interface Claim {
  /** The exact bytes that the signature is over. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly keyHint?: string;
  /** The whole Sigstore bundle that it comes from: certificates, log entries, timestamps. */
  readonly bundle?: JsonObject;
  /** Annotations beside it, where cosign 2 puts the same. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Whom a verifier recognised. */
export interface SignerIdentity {
  /** Two signatures with the same id are by the same signer: thresholds count these. */
  readonly id: string;
  /** For people: a key's file, a subject with its issuer. */
  readonly label: string;
  /** When it was signed, as far as somebody who is trusted vouches for it. RFC 3339. */
  readonly signedAt?: string;
  /** What failed that the policy it was verified by only asks to tell of, one sentence each. */
  readonly notes?: readonly string[];
}

export type Verdict =
  | { readonly valid: true; readonly signer: SignerIdentity }
  /** `reason` continues the sentence "It does not count: …". */
  | { readonly valid: false; readonly reason: string };

/**
 * Tells whether a signature is by somebody in particular. What it cannot judge it does not
 * vouch for; errors of networks and files it throws.
 */
export interface Verifier {
  /** What a message calls whoever it stands for. */
  readonly description: string;
  verify(claim: Claim, options?: Signal): Promise<Verdict>;
  /** Of forms that only this verifier reads, such as notation's; absent: it reads none. It checks the subject itself. */
  judge?(envelope: ForeignEnvelope, options?: Signal): Promise<Verdict>;
}

/** A signature as it lies there, with what it has to be about. */
export interface ForeignEnvelope {
  readonly kind: SignatureKind;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly subject: Descriptor;
  /** Of its manifest; nothing of it is signed. */
  readonly annotations: Annotations;
  /** Claims that have to be signed with the digest. */
  readonly claims: Annotations;
}
