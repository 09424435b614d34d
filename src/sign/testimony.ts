import { assertBundleLatest, type Bundle, bundleToJSON } from "@sigstore/bundle";
import { HashAlgorithm } from "@sigstore/protobuf-specs";
import { RekorWitness, TSAWitness, type Witness } from "@sigstore/sign";
import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { HashName } from "./algorithm.ts";
import type { BundleContent, VerificationMaterial } from "./bundle.ts";
import { SignatureMedia } from "./media.ts";
import { encodePem } from "./pem.ts";
import type { Signature } from "./signer.ts";
import type { SigningServices } from "./signing-services.ts";
import { untilAborted } from "./until-aborted.ts";

export interface TestimonyOptions extends Signal {
  readonly services: Pick<SigningServices, "logs" | "timestamps">;
  /** Milliseconds for each answer. */
  readonly timeout: number;
  readonly retries: number;
}

interface NamedWitness {
  readonly name: string;
  readonly witness: Witness;
}

const HASHES: Readonly<Record<HashName, HashAlgorithm>> = {
  sha256: HashAlgorithm.SHA2_256,
  sha384: HashAlgorithm.SHA2_384,
  sha512: HashAlgorithm.SHA2_512,
};

/**
 * Has every log and every clock witness a signature by a certificate.
 * @returns what a bundle of version 0.3 has beside the signature
 * @throws OciError NETWORK when one of them does not, PROTOCOL when what they say makes no bundle
 */
export async function testimony(
  content: BundleContent,
  { certificates = [] }: Signature,
  { services, timeout, retries, signal }: TestimonyOptions,
): Promise<VerificationMaterial> {
  const [certificate] = certificates;
  if (certificate === undefined) throw new OciError("INTERNAL", "Expected a signature with a certificate, it has none");
  const sealed = sealedContent(content);
  const pem = encodePem({ label: "CERTIFICATE", bytes: certificate });
  const told = await Promise.all(
    witnesses(services, timeout, retries).map(({ name, witness }) =>
      ask(name, () => untilAborted(witness.testify(sealed, pem), signal ? { signal } : {}), signal),
    ),
  );
  const bundle: Bundle = {
    mediaType: SignatureMedia.Bundle,
    content: sealed,
    verificationMaterial: {
      content: { $case: "certificate", certificate: { rawBytes: Buffer.from(certificate) } },
      tlogEntries: told.flatMap(({ tlogEntries = [] }) => tlogEntries),
      timestampVerificationData: { rfc3161Timestamps: told.flatMap(({ rfc3161Timestamps = [] }) => rfc3161Timestamps) },
    },
  };
  try {
    assertBundleLatest(bundle);
  } catch (cause) {
    throw new OciError("PROTOCOL", "The log's answer lacks what a Sigstore bundle has to have", { cause });
  }
  // As JSON and back: what it has for absent members is not written.
  return JSON.parse(JSON.stringify(bundleToJSON(bundle).verificationMaterial)) as JsonObject;
}

function witnesses(
  { logs, timestamps }: TestimonyOptions["services"],
  timeout: number,
  retry: number,
): readonly NamedWitness[] {
  return [
    ...logs.map(({ url, version }) => ({
      name: url,
      witness: new RekorWitness({ rekorBaseURL: url, majorApiVersion: version, timeout, retry }),
    })),
    ...timestamps.map((url) => ({ name: url, witness: new TSAWitness({ tsaBaseURL: url, timeout, retry }) })),
  ];
}

async function ask<Value>(name: string, work: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const told = cause instanceof Error ? cause.message.slice(0, 300) : "no answer";
    throw new OciError("NETWORK", `${name} did not witness the signature: ${told}`, { cause: error });
  }
}

function sealedContent(content: BundleContent): Bundle["content"] {
  if (content.kind === "dsse") {
    const { payloadType, payload, signatures } = content.envelope;
    return {
      $case: "dsseEnvelope",
      dsseEnvelope: {
        payloadType,
        payload: Buffer.from(payload),
        signatures: signatures.map(({ bytes, keyId = "" }) => ({ sig: Buffer.from(bytes), keyid: keyId })),
      },
    };
  }
  const { signature, digest } = content.message;
  if (digest === undefined) throw new OciError("INTERNAL", "Expected the digest of what is signed, there is none");
  return {
    $case: "messageSignature",
    messageSignature: {
      messageDigest: { algorithm: HASHES[digest.algorithm], digest: Buffer.from(digest.bytes) },
      signature: Buffer.from(signature),
    },
  };
}
