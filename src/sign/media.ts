/** Media types, artifact types and annotation keys of signatures that berth knows. */
export const SignatureMedia: {
  /** A Sigstore bundle of the newest form; cosign 3 stores signatures and attestations as such. */
  readonly Bundle: "application/vnd.dev.sigstore.bundle.v0.3+json";
  /** cosign 2: the payload of an image signature. */
  readonly SimpleSigning: "application/vnd.dev.cosign.simplesigning.v1+json";
  /** An attestation in its envelope. */
  readonly Dsse: "application/vnd.dsse.envelope.v1+json";
  readonly InToto: "application/vnd.in-toto+json";
  /** cosign 2 with its experimental referrers. */
  readonly CosignSignature: "application/vnd.dev.cosign.artifact.sig.v1+json";
  readonly CosignAttestation: "application/vnd.dev.cosign.artifact.att.v1+json";
  readonly Notation: "application/vnd.cncf.notary.signature";
  readonly Jws: "application/jose+json";
  readonly Cose: "application/cose";
} = {
  Bundle: "application/vnd.dev.sigstore.bundle.v0.3+json",
  SimpleSigning: "application/vnd.dev.cosign.simplesigning.v1+json",
  Dsse: "application/vnd.dsse.envelope.v1+json",
  InToto: "application/vnd.in-toto+json",
  CosignSignature: "application/vnd.dev.cosign.artifact.sig.v1+json",
  CosignAttestation: "application/vnd.dev.cosign.artifact.att.v1+json",
  Notation: "application/vnd.cncf.notary.signature",
  Jws: "application/jose+json",
  Cose: "application/cose",
};

/** A bundle of any version: 0.1 and 0.2 spell it `application/vnd.dev.sigstore.bundle+json;version=0.2`. */
export function isBundleType(type: string): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d+\.\d+)?\+json(?:;version=\d+\.\d+)?$/.test(type);
}

export const SignatureAnnotation: {
  readonly Signature: "dev.cosignproject.cosign/signature";
  /** Of an attestation's layer. */
  readonly PredicateType: "predicateType";
  /** What cosign 2 keeps beside a signature by a certificate: PEM, JSON, JSON. */
  readonly Certificate: "dev.sigstore.cosign/certificate";
  readonly LogEntry: "dev.sigstore.cosign/bundle";
  readonly Timestamp: "dev.sigstore.cosign/rfc3161timestamp";
  readonly BundleContent: "dev.sigstore.bundle.content";
  readonly BundlePredicateType: "dev.sigstore.bundle.predicateType";
} = {
  Signature: "dev.cosignproject.cosign/signature",
  PredicateType: "predicateType",
  Certificate: "dev.sigstore.cosign/certificate",
  LogEntry: "dev.sigstore.cosign/bundle",
  Timestamp: "dev.sigstore.cosign/rfc3161timestamp",
  BundleContent: "dev.sigstore.bundle.content",
  BundlePredicateType: "dev.sigstore.bundle.predicateType",
};
