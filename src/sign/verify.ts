import { OciError } from "../error/oci-error.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { shownJson } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { Budget, type SignatureLimits } from "./budget.ts";
import { type Check, judge, type VerifiedSignature } from "./judge.ts";
import { listSignatures } from "./list-signatures.ts";
import type { ReadSignature } from "./read-signature.ts";
import type { SignerIdentity, Verifier } from "./signer.ts";

export interface VerifyOptions extends Signal {
  readonly source: Pick<Source, "fetch" | "referrers">;
  /** Resolved: nothing is asked by a name from here on. */
  readonly subject: Descriptor;
  /** Any of them may vouch for a signature. At least one. */
  readonly verifiers: readonly Verifier[];
  /** How many distinct signers there have to be; 1 when absent. */
  readonly threshold?: number;
  /** Claims that have to be signed with the digest. */
  readonly annotations?: Annotations;
  readonly limits?: SignatureLimits;
}

export interface VerifyAttestationsOptions extends VerifyOptions {
  /** Only attestations of this type count; a URI. */
  readonly predicateType?: string;
}

/** The outcome for one subject, with the reason of every part of it. */
export interface VerifyReport {
  readonly subject: Descriptor;
  readonly verified: boolean;
  readonly threshold: number;
  /** Distinct, of the signatures that count. */
  readonly signers: readonly SignerIdentity[];
  readonly signatures: readonly VerifiedSignature[];
  /** Why it is not verified, one sentence. */
  readonly reason?: string;
}

/**
 * Looks at every signature on a manifest and tells of each whether it counts, and why not; verified means that
 * at least `threshold` distinct signers among the verifiers signed this very digest with the claims asked for.
 * Nothing else ever is: no signatures, unreadable ones, too many of them, or a registry that fails.
 * @throws OciError USAGE without verifiers or with a threshold that cannot be met; LIMIT_EXCEEDED, and what the
 *   source throws
 */
export async function verifySignatures(options: VerifyOptions): Promise<VerifyReport> {
  return verifyAll(options, "signature", () => undefined);
}

/**
 * As {@link verifySignatures}, of attestations: signed statements about the subject.
 * @throws OciError as there
 */
export async function verifyAttestations(options: VerifyAttestationsOptions): Promise<VerifyReport> {
  const { predicateType } = options;
  return verifyAll(options, "attestation", ({ statement }) => {
    if (statement === undefined) return "it is no attestation";
    if (predicateType === undefined || statement.predicateType === predicateType) return undefined;
    return `it is of type ${shownJson(statement.predicateType)}, not ${predicateType}`;
  });
}

/** What {@link inspectSignatures} needs. */
export interface InspectOptions extends Pick<VerifyOptions, "source" | "subject" | "limits" | "signal"> {
  /** None: it is told who is said to have signed, and nothing counts. */
  readonly verifiers: readonly Verifier[];
}

/**
 * Tells of everything on a manifest that is a signature or attestation what it is, who made it, and whether any of
 * the verifiers vouches for it; it decides nothing.
 * @throws OciError LIMIT_EXCEEDED, and what the source throws
 */
export async function inspectSignatures(options: InspectOptions): Promise<readonly VerifiedSignature[]> {
  return judgeAll(options, undefined, () =>
    options.verifiers.length === 0 ? "no key was given to verify it with" : undefined,
  );
}

async function verifyAll(
  options: VerifyOptions,
  purpose: ReadSignature["purpose"],
  check: Check,
): Promise<VerifyReport> {
  const { subject, verifiers, threshold = 1 } = options;
  if (verifiers.length === 0) throw new OciError("USAGE", "Expected at least one key to verify with, got none");
  if (!Number.isSafeInteger(threshold) || threshold < 1) {
    throw new OciError("USAGE", `Expected a threshold of at least 1, got ${threshold}`);
  }
  const signatures = await judgeAll(options, purpose, check);
  const counted = signatures.filter(({ valid }) => valid);
  const signers = [...new Map(counted.flatMap((each) => each.signers).map((signer) => [signer.id, signer])).values()];
  const verified = signers.length >= threshold;
  return {
    subject,
    verified,
    threshold,
    signers,
    signatures,
    ...(verified ? {} : { reason: shortfall(signatures, signers.length, threshold, purpose) }),
  };
}

async function judgeAll(
  options: InspectOptions & Pick<VerifyOptions, "annotations">,
  purpose: ReadSignature["purpose"] | undefined,
  check: Check,
): Promise<readonly VerifiedSignature[]> {
  const { source, subject, signal } = options;
  const budget = new Budget(subject, options.limits);
  const signatures: VerifiedSignature[] = [];
  for (const found of await listSignatures({ source, subject, budget, ...(signal ? { signal } : {}) })) {
    signatures.push(await judge(found, { ...options, budget }, purpose, check));
  }
  return signatures;
}

function shortfall(
  signatures: readonly VerifiedSignature[],
  signers: number,
  threshold: number,
  purpose: ReadSignature["purpose"],
): string {
  if (signatures.length === 0) return `there is no ${purpose}`;
  if (signers === 0) return `none of ${signatures.length} signatures and attestations counts as such a ${purpose}`;
  return `${signers} distinct signers are fewer than ${threshold}`;
}
