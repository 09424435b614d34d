import { isOciError, OciError } from "../error/oci-error.ts";
import type { VerifiedSignature } from "../sign/judge.ts";
import type { VerifyOptions, VerifyReport } from "../sign/verify.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type JsonValue, shownJson } from "../spec/json.ts";
import type { ConnectionValues } from "./connection.ts";
import type { Context } from "./context.ts";
import { openSubjects } from "./located-subjects.ts";
import type { NotationTrustValues } from "./notation-options.ts";
import type { OptionValues } from "./option.ts";
import { signablesOf } from "./sign-options.ts";
import { openTrust, requireReachable } from "./signers.ts";
import { style } from "./style.ts";
import type { verifying } from "./verify-options.ts";

type VerifyingValues = ConnectionValues &
  OptionValues<typeof verifying> &
  Partial<NotationTrustValues> & { readonly platform?: string | undefined };

/** The report of one manifest with what the command line calls it. */
export interface NamedReport extends VerifyReport {
  readonly reference: string;
  /** It could not be looked at. */
  readonly failure?: unknown;
  /** A trust policy says to verify nothing of it, and nothing was. */
  readonly skipped?: true;
}

/** Resolves what is to be verified, once, and has every manifest of it verified by its digest. */
export async function runVerifying(
  written: readonly string[],
  options: VerifyingValues,
  context: Context,
  verify: (options: VerifyOptions) => Promise<VerifyReport>,
): Promise<readonly NamedReport[]> {
  const { signal } = context;
  const { annotations, threshold, maxSignatures } = options;
  const trust = await openTrust(options, context);
  if (trust.bounded) requireReachable(threshold, options);
  await using scope = new AsyncDisposableStack();
  const subjects = await openSubjects(written, "read", options, { scope, context });
  const members = await signablesOf(subjects, { recursive: options.recursive, signedName: undefined }, context);
  const { eachOf } = await import("../transfer/workers.ts");
  const reports: NamedReport[] = [];
  await eachOf(members.entries(), options.concurrency ?? 8, async ([at, { subject, reference }]) => {
    const skipping = trust.skips(subject.reference);
    if (skipping !== undefined) {
      reports[at] = { ...skipped(subject.descriptor, threshold ?? 1, skipping), reference };
      return;
    }
    const report = await attempt(subject.descriptor, threshold ?? 1, signal, () =>
      verify({
        source: subject.target,
        subject: subject.descriptor,
        verifiers: trust.verifiers(subject.reference),
        annotations,
        signal,
        ...(threshold === undefined ? {} : { threshold }),
        ...(maxSignatures === undefined ? {} : { limits: { signatures: maxSignatures } }),
      }),
    );
    reports[at] = { ...report, reference };
  });
  return reports;
}

function skipped(subject: Descriptor, threshold: number, name: string): VerifyReport & Pick<NamedReport, "skipped"> {
  const reason = `the trust policy ${shownJson(name)} says skip: nothing was verified`;
  return { subject, verified: false, threshold, signers: [], signatures: [], reason, skipped: true };
}

/** One subject that cannot be looked at is not verified, and the others are told of all the same. */
async function attempt(
  subject: Descriptor,
  threshold: number,
  signal: AbortSignal,
  verify: () => Promise<VerifyReport>,
): Promise<VerifyReport & Pick<NamedReport, "failure">> {
  try {
    return await verify();
  } catch (error) {
    if (signal.aborted || !isOciError(error) || error.code === "USAGE") throw error;
    return { subject, verified: false, threshold, signers: [], signatures: [], reason: error.message, failure: error };
  }
}

/** @throws OciError UNVERIFIED when one of them is not verified; the failure of one that could not be looked at */
export function requireVerified(reports: readonly NamedReport[]): void {
  const failed = reports.filter((report) => !report.verified && report.skipped === undefined);
  const broken = failed.find(({ failure }) => failure !== undefined);
  if (broken) throw broken.failure;
  const [first] = failed;
  // An empty list proves nothing either.
  if (reports.length > 0 && first === undefined) return;
  const more = failed.length > 1 ? `, and ${failed.length - 1} more` : "";
  const what =
    first === undefined ? "Nothing was verified" : `${first.reference} is not verified: ${first.reason ?? ""}${more}`;
  throw new OciError("UNVERIFIED", what, first === undefined ? {} : { digest: first.subject.digest });
}

/** A report for programs: nothing in it is more than a line of what strangers wrote. */
export function reportJson({
  reference,
  subject,
  verified,
  threshold,
  signers,
  signatures,
  reason,
  skipped,
}: NamedReport): Record<string, unknown> {
  return {
    reference,
    digest: subject.digest,
    verified,
    threshold,
    ...(skipped === undefined ? {} : { skipped }),
    ...(reason === undefined ? {} : { reason }),
    signers,
    signatures: signatures.map(signatureJson),
  };
}

export function signatureJson(signature: VerifiedSignature): Record<string, unknown> {
  const { manifest, layer, statement, annotations: _annotations, ...facts } = signature;
  return {
    ...facts,
    manifest: manifest.digest,
    ...(layer === undefined ? {} : { layer: layer.digest }),
    ...(statement === undefined ? {} : { predicateType: statement.predicateType }),
  };
}

export function reportLines(report: NamedReport): readonly string[] {
  const { reference, subject, verified, signatures, reason } = report;
  const failed = report.skipped ? style.yellow("skipped") : style.red("not verified");
  const head = verified ? style.green("verified") : failed;
  const told = reason === undefined ? "" : `: ${reason}`;
  return [
    `${head}  ${reference}  ${subject.digest}${told}`,
    ...signatures.map((signature) => signatureLine(signature, true)),
  ];
}

/** @param judged say also whether it counts, and why not */
export function signatureLine(signature: VerifiedSignature, judged: boolean): string {
  const { valid, kind, manifest, signers, reason, problem, statement, claims = {}, createdAt } = signature;
  const by = signers.map(({ label }) => `by ${label}`).join(", ") || claimedSigner(signature);
  const at = signers.find(({ signedAt }) => signedAt !== undefined)?.signedAt ?? claimedTime(signature);
  const said = Object.entries(claims).map(([key, value]) => `${key}=${shownClaim(value)}`);
  const verdict = valid ? style.green("counts") : style.yellow("does not count");
  const parts = [
    ...(judged ? [verdict] : []),
    kind,
    manifest.digest,
    ...(by === "" ? [] : [by]),
    ...(statement === undefined ? [] : [statement.predicateType]),
    ...said,
    ...[at ?? createdAt].filter((time) => time !== undefined),
  ];
  const notes = signers.flatMap((signer) => signer.notes ?? []);
  const why = judged ? (reason ?? (notes.length === 0 ? undefined : notes.join("; "))) : problem;
  return `  ${parts.join("  ")}${why === undefined ? "" : `: ${why}`}`;
}

function claimedTime({ claimedIdentity }: VerifiedSignature): string | undefined {
  return claimedIdentity?.loggedAt ?? claimedIdentity?.signedAt;
}

/** Whom it names itself, which proves nothing. */
function claimedSigner({ keyHint, claimedIdentity }: VerifiedSignature): string {
  if (claimedIdentity) return `said to be by ${claimedIdentity.subject} (${claimedIdentity.issuer})`;
  return keyHint === undefined ? "" : `by key ${keyHint}`;
}

function shownClaim(value: JsonValue): string {
  return typeof value === "string" ? value.slice(0, 200) : shownJson(value);
}
