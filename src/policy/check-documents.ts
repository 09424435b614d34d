import { shortDigest } from "../spec/digest.ts";
import type { Verdict } from "./decision.ts";
import { documentsOn, SBOM_TYPES } from "./documents.ts";
import type { DocumentRule, SbomFormat, SbomRule } from "./evidence-rules.ts";
import type { Inquiry } from "./inquiry.ts";
import { LicenseCheck } from "./license.ts";
import type { LicenseRule } from "./license-rule.ts";
import { readSbom, type Sbom } from "./read-sbom.ts";
import { isOciError } from "../error/oci-error.ts";
import type { SubjectNode } from "./subject.ts";

interface FoundSbom extends Sbom {
  readonly where: string;
}

async function sbomsOn(
  node: SubjectNode,
  rule: DocumentRule,
  inquiry: Inquiry,
): Promise<{ readonly sboms: readonly FoundSbom[]; readonly problems: readonly string[] }> {
  const { documents, problems } = await documentsOn(node.descriptor, rule, SBOM_TYPES, inquiry);
  const sboms: FoundSbom[] = [];
  const unread = [...problems];
  for (const { document, where } of documents) {
    try {
      const sbom = readSbom(document);
      if (sbom) sboms.push({ ...sbom, where });
    } catch (error) {
      if (!isOciError(error, "MANIFEST_INVALID", "LIMIT_EXCEEDED")) throw error;
      unread.push(`${where}: ${error.message}`);
    }
  }
  return { sboms, problems: unread };
}

export async function checkSbom(rule: SbomRule, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  const { sboms, problems } = await sbomsOn(node, rule, inquiry);
  const counted = sboms.filter(({ format }) => rule.formats.includes(format));
  const found =
    sboms.length === 0
      ? "no SBOM"
      : sboms.map(({ format, where, components }) => `${format} of ${components.length} (${where})`).join(", ");
  if (counted.length > 0) return { holds: true, found };
  const by = rule.by ? ` attested by ${rule.by.join(" or ")}` : "";
  const why = problems.length === 0 ? "" : `: ${problems.join("; ")}`;
  return { holds: false, found, missing: `an SBOM of ${formats(rule.formats)}${by}${why}` };
}

function formats(names: readonly SbomFormat[]): string {
  return names.join(" or ");
}

/** Components that are told of; the rest is counted. */
const TOLD = 10;

export async function checkLicenses(rule: LicenseRule, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  const { sboms, problems } = await sbomsOn(node, rule, inquiry);
  if (problems.length > 0) return { holds: false, found: "an SBOM that cannot be read", missing: problems.join("; ") };
  const components = sboms.reduce((sum, sbom) => sum + sbom.components.length, 0);
  const found = `${components} components in ${sboms.length} SBOMs`;
  // An SBOM of nothing says nothing of licences.
  if (components === 0) {
    return { holds: false, found, missing: `an SBOM with components on ${shortDigest(node.descriptor.digest)}` };
  }
  const check = await LicenseCheck.open(rule);
  const refused = new Set<string>();
  for (const sbom of sboms) {
    for (const component of sbom.components) {
      const problem = check.problemOf(component);
      if (problem !== undefined) refused.add(problem);
    }
  }
  if (refused.size === 0) return { holds: true, found };
  const told = [...refused].slice(0, TOLD);
  const more = refused.size > TOLD ? `, and ${refused.size - TOLD} more` : "";
  return {
    holds: false,
    found,
    missing: `licences that are allowed: ${told.join(", ")}${more}`,
    details: { refused: told, count: refused.size },
  };
}
