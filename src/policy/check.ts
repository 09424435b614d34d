import { isOciError } from "../error/oci-error.ts";
import { checkLicenses, checkSbom } from "./check-documents.ts";
import { checkAge, checkBase, checkExpression, checkPlatforms, checkSize, checkTexts } from "./check-image.ts";
import { checkScan } from "./check-scan.ts";
import { checkAttestation, checkSignature } from "./check-signature.ts";
import type { Finding, Verdict } from "./decision.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Requirement, Rule } from "./policy.ts";
import { describeNode, imagesOf, type SubjectNode } from "./subject.ts";
import type { Where } from "./where.ts";

/** What came of every requirement of a rule, on every manifest that it is about. */
export async function checkRule(rule: Rule, inquiry: Inquiry): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const requirement of rule.require) {
    inquiry.signal?.throwIfAborted();
    findings.push(...(await checkRequirement(requirement, rule, inquiry)));
  }
  return findings;
}

async function checkRequirement(requirement: Requirement, rule: Rule, inquiry: Inquiry): Promise<readonly Finding[]> {
  const { root, indexes } = inquiry.subject;
  const images = imagesOf(inquiry.subject, rule.children);
  const on = (nodes: readonly SubjectNode[]): Promise<readonly Finding[]> => checkAll(requirement, nodes, inquiry);
  if (requirement.kind === "platforms") return on([root]);
  if (images.length === 0) {
    const missing = "an image to hold to the rule";
    return [finding(requirement, root, { holds: false, found: "none of the platforms that the rule names", missing })];
  }
  const where: Where = "on" in requirement ? requirement.on : "children";
  switch (where) {
    case "index":
      return on([root]);
    case "children":
      return on(images);
    case "all":
      return on([...new Set([...indexes, ...images])]);
    case "either": {
      const above = await on([root]);
      if (above.every(({ holds }) => holds)) return above;
      const below = await on(images);
      return below.every(({ holds }) => holds) || root.manifest.form !== "index" ? below : [...above, ...below];
    }
  }
}

async function checkAll(
  requirement: Requirement,
  nodes: readonly SubjectNode[],
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const node of nodes) findings.push(finding(requirement, node, await verdictOn(requirement, node, inquiry)));
  return findings;
}

function finding({ kind, line }: Requirement, node: SubjectNode, verdict: Verdict): Finding {
  return { requirement: kind, line, digest: node.descriptor.digest, on: describeNode(node), ...verdict };
}

/** What cannot be evaluated does not hold. */
async function verdictOn(requirement: Requirement, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  try {
    return await check(requirement, node, inquiry);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { holds: false, found: "something that cannot be read", missing: error.message };
  }
}

/** Content that is not what it should be; failures to get it pass through, and allow nothing either. */
export function isUnreadable(error: unknown): error is Error {
  return isOciError(
    error,
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "MANIFEST_BLOB_UNKNOWN",
    "BLOB_UNKNOWN",
    "DIGEST_INVALID",
    "SIZE_INVALID",
    "CONTENT_DAMAGED",
    "LIMIT_EXCEEDED",
    "UNSUPPORTED",
    "FILE_INVALID",
    "USAGE",
  );
}

async function check(requirement: Requirement, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  switch (requirement.kind) {
    case "signature":
      return checkSignature(requirement, node, inquiry);
    case "attestation":
      return checkAttestation(requirement, node, inquiry);
    case "sbom":
      return checkSbom(requirement, node, inquiry);
    case "scan":
      return checkScan(requirement, node, inquiry);
    case "licenses":
      return checkLicenses(requirement, node, inquiry);
    case "labels":
      return checkTexts(requirement.labels, node.config?.run.labels, "label");
    case "annotations":
      return checkTexts(requirement.annotations, node.manifest.annotations ?? {}, "annotation");
    case "base":
      return checkBase(requirement, node);
    case "platforms":
      return checkPlatforms(requirement, inquiry);
    case "age":
      return checkAge(requirement, node, inquiry);
    case "size":
      return checkSize(requirement, node);
    case "expression":
      return checkExpression(requirement, node, inquiry);
  }
}
