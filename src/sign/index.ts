/** Signatures and attestations: made, found, verified, in the forms of cosign 2 and 3 and of notation. */
export { actionsTokens, type ActionsTokenOptions } from "./actions-token.ts";
export { algorithmOfKey, type SignatureAlgorithm } from "./algorithm.ts";
export type { SignatureLimits } from "./budget.ts";
export type { Bundle, BundleContent, MessageSignature, VerificationMaterial } from "./bundle.ts";
export type { ClaimedIdentity } from "./claimed-identity.ts";
export { type ConvertOptions, convertSignatures } from "./convert-signatures.ts";
export type { ConvertedSignature } from "./converted-signature.ts";
export type { SignatureStorage, StoredSignature } from "./deposit.ts";
export type { FoundSignature, SignatureKind } from "./found-signature.ts";
export type { TokenSource } from "./identity-token.ts";
export { createIdentityVerifier, type IdentityVerifierOptions } from "./identity-verifier.ts";
export type { Workflow, WorkflowFact } from "./workflow.ts";
export type { VerifiedSignature } from "./judge.ts";
export { createKeySigner, createKeyVerifier, keyIdOf, type KeySigner, type KeyVerifier } from "./key.ts";
export {
  type AskPassword,
  encodePrivateKey,
  encodePublicKey,
  generateKey,
  parsePrivateKey,
  parsePublicKey,
} from "./key-file.ts";
export { KEY_KINDS, type KeyKind } from "./key-kind.ts";
export { createKeylessSigner, type KeylessSigner, type KeylessSignerOptions } from "./keyless-signer.ts";
export { listSignatures, type ListSignaturesOptions } from "./list-signatures.ts";
export { membersOf } from "./members.ts";
export { type CertificateSignerOptions, createCertificateSigner } from "./notation/certificate-signer.ts";
export type { Certificate } from "./notation/certificate.ts";
export { parseCertificates, parseChain } from "./notation/certificate-file.ts";
export type { EnvelopeFormat } from "./notation/envelope.ts";
export { Plugin, type PluginOptions } from "./notation/plugin.ts";
export { openPluginSigner, type PluginSignerOptions } from "./notation/plugin-signer.ts";
export {
  type EnvelopeRequest,
  type EnvelopeSigner,
  type NotationSignOptions,
  signWithNotation,
} from "./notation/sign-notation.ts";
export { createTimestamper, type Timestamper } from "./notation/timestamper.ts";
export { parseTrustPolicy, type TrustPolicy, type TrustStatement } from "./notation/trust-policy.ts";
export { createTrustStore, openTrustStore, type TrustStore, type TrustStoreType } from "./notation/trust-store.ts";
export { createNotationVerifier, type NotationVerifier, type NotationVerifierOptions } from "./notation/verifier.ts";
export type { SignTarget } from "./place.ts";
export { attestManifests, type AttestManifestsOptions, signManifests, type SignManifestsOptions } from "./sign.ts";
export type { SignedSubject, SigningRun, SignSubject } from "./sign-each.ts";
export { signFile, type VerifiedFile, verifyFile, type VerifyFileOptions } from "./signed-file.ts";
export type { Claim, ForeignEnvelope, Signature, Signer, SignerIdentity, Verdict, Verifier } from "./signer.ts";
export { type LogService, parseSigningConfig, PUBLIC_SERVICES, type SigningServices } from "./signing-services.ts";
export { openTokenSigner } from "./pkcs11/token-signer.ts";
export type { TokenOptions } from "./pkcs11/token.ts";
export { PREDICATE_TYPES, predicateTypeOf, type Statement, type StatementSubject } from "./statement.ts";
export { exactly, matching, type TextPattern } from "./text-pattern.ts";
export { parseTrustedRoot, type TrustSource } from "./trusted-root.ts";
export { tufTrust, type TufOptions } from "./tuf-root.ts";
export {
  inspectSignatures,
  type InspectOptions,
  verifyAttestations,
  type VerifyAttestationsOptions,
  type VerifyOptions,
  type VerifyReport,
  verifySignatures,
} from "./verify.ts";
