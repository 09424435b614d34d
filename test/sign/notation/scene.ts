import { createMemoryStore } from "../../../src/memory/memory.ts";
import { createCertificateSigner } from "../../../src/sign/notation/certificate-signer.ts";
import { parseCertificate } from "../../../src/sign/notation/certificate.ts";
import type { EnvelopeFormat } from "../../../src/sign/notation/envelope.ts";
import { type EnvelopeSigner, signWithNotation } from "../../../src/sign/notation/sign-notation.ts";
import { parseTrustPolicy } from "../../../src/sign/notation/trust-policy.ts";
import { createTrustStore, type TrustStore } from "../../../src/sign/notation/trust-store.ts";
import { createNotationVerifier, type NotationVerifierOptions } from "../../../src/sign/notation/verifier.ts";
import { SignatureMedia } from "../../../src/sign/media.ts";
import { pieceOf, pushBlob, pushEmpty, sourceOf } from "../../../src/sign/place.ts";
import { verifySignatures, type VerifyReport } from "../../../src/sign/verify.ts";
import { emptyDescriptor } from "../../../src/spec/empty.ts";
import { encodeJson } from "../../../src/spec/json.ts";
import { MediaType } from "../../../src/spec/media-type.ts";
import { openSigned, type Signed } from "../scene.ts";
import type { Holder } from "./authority.ts";

export const FORMATS: readonly EnvelopeFormat[] = ["jws", "cose"];

/** A statement for everything, strict, trusting one authority, but for what is asked for otherwise. */
export function policyOf(changes: Record<string, unknown> = {}, verification: Record<string, unknown> = {}): unknown {
  return {
    version: "1.0",
    trustPolicies: [
      {
        name: "all",
        registryScopes: ["*"],
        signatureVerification: { level: "strict", ...verification },
        trustStores: ["ca:ours"],
        trustedIdentities: ["*"],
        ...changes,
      },
    ],
  };
}

export function signerOf({ key, chain }: Holder): EnvelopeSigner {
  const certificates = chain.map((raw) => parseCertificate(raw, "certificate"));
  return createCertificateSigner({ privateKey: key, chain: certificates, label: "test" });
}

export function storeOf(...roots: readonly Holder[]): TrustStore {
  return createTrustStore({ ca: { ours: roots.map(({ raw }) => raw) } });
}

/** A store with two images, the first signed by somebody. */
export async function openNotation(
  holder: Holder,
  options: {
    readonly format?: EnvelopeFormat;
    readonly expiresIn?: number;
    readonly claims?: Record<string, string>;
  } = {},
): Promise<Signed> {
  const signed = await openSigned(createMemoryStore());
  const { format, expiresIn, claims } = options;
  await signWithNotation({
    subjects: [{ target: signed.store, descriptor: signed.subject }],
    signer: signerOf(holder),
    ...(format === undefined ? {} : { format }),
    ...(expiresIn === undefined ? {} : { expiresIn }),
    ...(claims === undefined ? {} : { annotations: claims }),
  });
  return signed;
}

/** Hangs any bytes on the subject that say that they are an envelope of notation. */
export async function hangEnvelope(
  { store, subject }: Signed,
  bytes: Uint8Array,
  format: EnvelopeFormat,
): Promise<void> {
  const layer = pieceOf(bytes, format === "jws" ? SignatureMedia.Jws : SignatureMedia.Cose);
  const { mediaType, digest, size } = subject;
  const manifest = pieceOf(
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      artifactType: SignatureMedia.Notation,
      config: emptyDescriptor,
      layers: [layer.descriptor],
      subject: { mediaType, digest, size },
    }),
    MediaType.ImageManifest,
  );
  await pushEmpty(store, {});
  await pushBlob(store, layer, {});
  await store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest" });
}

export type VerifyBy = Partial<Omit<NotationVerifierOptions, "policy">> & {
  readonly policy?: unknown;
  readonly threshold?: number;
  readonly claims?: Record<string, string>;
};

export async function verifyBy(
  { store: source, subject }: Pick<Signed, "store" | "subject">,
  { policy = policyOf(), store = storeOf(), threshold, claims, ...rest }: VerifyBy,
): Promise<VerifyReport> {
  const verifier = createNotationVerifier({ policy: parseTrustPolicy(encodeJson(policy)), store, ...rest });
  return verifySignatures({
    source,
    subject,
    verifiers: [verifier],
    ...(threshold === undefined ? {} : { threshold }),
    ...(claims === undefined ? {} : { annotations: claims }),
  });
}

/** Why the first signature does not count. */
export function reasonOf({ signatures }: VerifyReport): string {
  return signatures[0]?.reason ?? "";
}
