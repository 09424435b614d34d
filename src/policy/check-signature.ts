import type { VerifiedSignature } from "../sign/judge.ts";
import { verifyAttestations, verifySignatures } from "../sign/verify.ts";
import { toJson } from "../spec/json-edit.ts";
import type { Verdict } from "./decision.ts";
import type { AttestationRule, SignatureRule } from "./evidence-rules.ts";
import { placeVariables } from "./image-variables.ts";
import { type Inquiry, signalOf, verifiersOf } from "./inquiry.ts";
import type { SubjectNode } from "./subject.ts";

/** Reasons that a person is told of; the rest is in the signatures themselves. */
const TOLD = 3;

function whyNot(signatures: readonly VerifiedSignature[]): string {
  const reasons = [...new Set(signatures.flatMap(({ reason }) => reason ?? []))];
  const more = reasons.length > TOLD ? `; and ${reasons.length - TOLD} more reasons` : "";
  return reasons.length === 0 ? "" : ` (${reasons.slice(0, TOLD).join("; ")}${more})`;
}

export async function checkSignature(rule: SignatureRule, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  const report = await verifySignatures({
    source: inquiry.source,
    subject: node.descriptor,
    verifiers: verifiersOf(inquiry, rule.by),
    threshold: rule.threshold,
    annotations: rule.annotations,
    ...signalOf(inquiry),
  });
  const labels = report.signers.map(({ label }) => label);
  const wanted = `${rule.threshold === 1 ? "a signature" : `${rule.threshold} signatures`} by ${rule.by.join(" or ")}`;
  return {
    holds: report.verified,
    found: labels.length === 0 ? "nobody's signature that counts" : `signed by ${labels.join(", ")}`,
    ...(report.verified
      ? {}
      : { missing: `${wanted}: ${report.reason ?? "not verified"}${whyNot(report.signatures)}` }),
    details: { signers: toJson(report.signers) },
  };
}

/** One signed statement has to be of the type, and all that is asked of it has to hold. */
export async function checkAttestation(rule: AttestationRule, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  const report = await verifyAttestations({
    source: inquiry.source,
    subject: node.descriptor,
    verifiers: verifiersOf(inquiry, rule.by),
    predicateType: rule.type,
    ...signalOf(inquiry),
  });
  const signed = report.signatures.filter(({ valid, statement }) => valid && statement !== undefined);
  const signers = new Map<string, string>();
  const problems: string[] = [];
  for (const signature of signed) {
    const problem = rule.where ? unmet(rule.where, signature, node, inquiry) : undefined;
    if (problem !== undefined) problems.push(problem);
    else for (const { id, label } of signature.signers) signers.set(id, label);
  }
  const holds = signers.size >= rule.threshold;
  const labels = [...signers.values()];
  const why = [...new Set(problems)].slice(0, TOLD).join("; ") || `${report.reason ?? ""}${whyNot(report.signatures)}`;
  return {
    holds,
    found:
      labels.length > 0
        ? `attested by ${labels.join(", ")}`
        : `${signed.length} statements of the type by those who count`,
    ...(holds ? {} : { missing: `${rule.threshold} statement(s) ${rule.type} by ${rule.by.join(" or ")}: ${why}` }),
    details: { signers: labels },
  };
}

function unmet(
  where: NonNullable<AttestationRule["where"]>,
  { statement, signers }: VerifiedSignature,
  node: SubjectNode,
  inquiry: Inquiry,
): string | undefined {
  const outcome = where.evaluate({
    ...placeVariables(inquiry),
    subject: node.descriptor.digest,
    predicate: statement?.predicate ?? null,
    predicateType: statement?.predicateType ?? "",
    statement: statement ? toJson(statement) : null,
    signers: signers.map(({ label }) => label),
  });
  if ("problem" in outcome) return `the expression cannot be evaluated: ${outcome.problem}`;
  return outcome.value ? undefined : `it is not true that ${where.text}`;
}
