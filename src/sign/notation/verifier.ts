import { isOciError } from "../../error/oci-error.ts";
import { shownJson } from "../../spec/json.ts";
import type { Signal } from "../../store/content.ts";
import type { ForeignEnvelope, SignerIdentity, Verdict, Verifier } from "../signer.ts";
import type { Certificate } from "./certificate.ts";
import { sameBytes } from "./certificate.ts";
import { chainProblem, validityProblem } from "./chain.ts";
import { includesName } from "./distinguished-name.ts";
import { type NotationSignature, readNotation } from "./read-notation.ts";
import { type Timestamp, verifyTimestamp } from "./timestamp.ts";
import { selectStatement, type TrustPolicy, type TrustStatement, type Validation } from "./trust-policy.ts";
import type { TrustStore, TrustStoreType } from "./trust-store.ts";

export interface NotationVerifierOptions {
  readonly policy: TrustPolicy;
  readonly store: TrustStore;
  /** The repository of what is verified, with its host; without one, as in a layout, only the scope `*` is for it. */
  readonly repository?: string;
  /** The time of verification; the clock's when absent. */
  readonly now?: () => Date;
}

/** What one check came to. */
interface Finding {
  readonly validation: Validation;
  readonly problem: string;
}

/** Verifies notation signatures by a trust policy. */
export interface NotationVerifier extends Verifier {
  /** The statement that is for the repository; undefined: nothing of it is trusted. */
  readonly statement: TrustStatement | undefined;
}

/**
 * A verifier of notation signatures by a trust policy and a trust store (trust-store-trust-policy.md,
 * "Signature Verification"). Revocation lists and responders are not asked: a certificate that names one is taken
 * for one whose state is unknown, which fails where the policy enforces revocation.
 */
export function createNotationVerifier(options: NotationVerifierOptions): NotationVerifier {
  const statement = selectStatement(options.policy, options.repository);
  const description = statement ? `trust policy ${statement.name}` : "trust policy";
  return {
    description,
    statement,
    async verify(): Promise<Verdict> {
      return { valid: false, reason: "it is no notation signature, which alone a trust policy is for" };
    },
    async judge(envelope: ForeignEnvelope, waits: Signal = {}): Promise<Verdict> {
      waits.signal?.throwIfAborted();
      const refused = (reason: string): Verdict => ({ valid: false, reason });
      if (envelope.kind !== "notation-jws" && envelope.kind !== "notation-cose") {
        return refused("it is no notation signature, which alone a trust policy is for");
      }
      if (statement === undefined) {
        return refused(`no statement of the trust policy is for ${options.repository ?? "what has no repository"}`);
      }
      if (statement.level === "skip") {
        return refused(`the trust policy ${statement.name} says skip: nothing was verified`);
      }
      let signature: NotationSignature;
      try {
        signature = readNotation(envelope.bytes, envelope.kind === "notation-jws" ? "jws" : "cose", envelope.subject);
      } catch (error) {
        if (isOciError(error, "MANIFEST_INVALID")) return refused(error.message);
        throw error;
      }
      const missing = Object.entries(envelope.claims).find(
        ([key, value]) =>
          !Object.hasOwn(signature.artifact.annotations, key) || signature.artifact.annotations[key] !== value,
      );
      if (missing) return refused(`it should claim ${missing[0]}=${shownJson(missing[1])} and does not`);
      return judge(signature, statement, options);
    },
  };
}

async function judge(
  signature: NotationSignature,
  statement: TrustStatement,
  { store, now = () => new Date() }: NotationVerifierOptions,
): Promise<Verdict> {
  const { enforcement } = statement;
  const findings: Finding[] = [];
  const time = now();
  const authenticity = await authenticityProblem(signature, statement, store);
  if (authenticity !== undefined) findings.push({ validation: "authenticity", problem: authenticity });
  const { expiry } = signature.envelope;
  if (expiry !== undefined && time >= expiry) {
    findings.push({ validation: "expiry", problem: `it expired at ${expiry.toISOString()}` });
  }
  const timed = await timeOf(signature, statement, store, time);
  if (timed.problem !== undefined) findings.push({ validation: "authenticTimestamp", problem: timed.problem });
  if (enforcement.revocation !== "skip") {
    const unknown = [...signature.chain, ...(timed.timestamp?.chain ?? [])].find(({ revocable }) => revocable);
    if (unknown) {
      findings.push({
        validation: "revocation",
        problem: `whether the certificate ${unknown.subject} is revoked is unknown: berth asks no OCSP or CRL server`,
      });
    }
  }
  const failed = findings.filter(({ validation }) => enforcement[validation] === "enforce");
  if (failed.length > 0) return { valid: false, reason: failed.map(({ problem }) => problem).join("; ") };
  const notes = findings.map(
    ({ validation, problem }) => `${validation} failed, which the policy only logs: ${problem}`,
  );
  const signer = signerOf(signature, authenticity === undefined);
  return {
    valid: true,
    signer: {
      ...signer,
      ...(timed.signedAt === undefined ? {} : { signedAt: timed.signedAt.toISOString() }),
      ...(notes.length === 0 ? {} : { notes }),
    },
  };
}

/** One person is one signer, whatever certificates they have by whichever authority; whoever is not authentic is nobody in particular. */
function signerOf({ chain: [leaf] }: NotationSignature, authentic: boolean): SignerIdentity {
  const subject = leaf?.subject ?? "";
  return authentic
    ? { id: `x509:${subject}`, label: subject }
    : { id: "x509:not-authentic", label: `${subject} (not authentic)` };
}

async function authenticityProblem(
  { envelope, chain }: NotationSignature,
  statement: TrustStatement,
  store: TrustStore,
): Promise<string | undefined> {
  const authority = envelope.scheme === "notary.x509.signingAuthority";
  const problem = chainProblem(chain, "code-signing");
  if (problem !== undefined) return problem;
  const trusted = await load(statement, authority ? "signingAuthority" : "ca", store);
  if (!chain.some((each) => trusted.some((root) => sameBytes(root.raw, each.raw)))) {
    return "its certificates lead to none in the trust stores";
  }
  if (statement.identities === "any") return undefined;
  const [leaf] = chain;
  const name = leaf?.name;
  if (name && statement.identities.some((wanted) => includesName(name, wanted))) return undefined;
  return `its signer ${leaf?.subject ?? ""} is none of the trusted identities`;
}

async function load(
  { stores }: TrustStatement,
  type: TrustStoreType,
  store: TrustStore,
): Promise<readonly Certificate[]> {
  const certificates: Certificate[] = [];
  for (const each of stores) {
    if (each.type === type) certificates.push(...(await store.certificates(type, each.name)));
  }
  return certificates;
}

/** Whether the certificates were valid when it was signed, as far as somebody who is trusted says when that was. */
async function timeOf(
  { envelope, chain }: NotationSignature,
  statement: TrustStatement,
  store: TrustStore,
  now: Date,
): Promise<{ readonly problem?: string; readonly signedAt?: Date; readonly timestamp?: Timestamp }> {
  if (envelope.scheme === "notary.x509.signingAuthority") {
    const problem = validityProblem(chain, envelope.signingTime);
    return problem === undefined ? { signedAt: envelope.signingTime } : { problem };
  }
  const asked =
    statement.stores.some(({ type }) => type === "tsa") &&
    (statement.verifyTimestamp === "always" || chain.some(({ notAfter }) => now > notAfter));
  if (!asked) {
    const problem = validityProblem(chain, now);
    return problem === undefined ? {} : { problem };
  }
  if (envelope.timestamp === undefined) return { problem: "it has no timestamp" };
  const verdict = verifyTimestamp(envelope.timestamp, envelope.signature, await load(statement, "tsa", store));
  if (!verdict.valid) return { problem: `its timestamp does not count: ${verdict.reason}` };
  const { timestamp } = verdict;
  const problem = validityProblem(chain, timestamp.from, timestamp.to);
  if (problem !== undefined) return { problem };
  return { signedAt: timestamp.to, timestamp };
}
