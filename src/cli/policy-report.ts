import { OciError } from "../error/oci-error.ts";
import type { Decision, Finding, RuleDecision } from "../policy/decision.ts";
import { style } from "./style.ts";

/** A decision with what the command line calls its subject. */
export interface NamedDecision extends Decision {
  readonly reference: string;
}

/** A decision for people: each rule with what was found of each of its requirements, and what is missing. */
export function decisionLines({ allowed, reference, digest, reason, rules }: NamedDecision): readonly string[] {
  const head = allowed ? style.green("allowed") : style.red("refused");
  const why = reason === undefined ? "" : `: ${reason}`;
  return [`${head}  ${reference}  ${digest}${why}`, ...rules.flatMap(ruleLines)];
}

function ruleLines({ rule, holds, reason, findings }: RuleDecision): readonly string[] {
  const widths = [
    Math.max(0, ...findings.map(({ requirement }) => requirement.length)),
    Math.max(0, ...findings.map(({ on }) => on.length)),
  ] as const;
  const told = reason === undefined ? "" : `: ${reason}`;
  return [
    `  rule ${style.bold(rule)} ${holds ? "is met" : "is not met"}${told}`,
    ...findings.flatMap((finding) => findingLines(finding, widths)),
  ];
}

function findingLines(
  { holds, requirement, on, found, missing, line }: Finding,
  [first, second]: readonly [number, number],
): readonly string[] {
  const verdict = holds ? style.green("yes") : style.red("no ");
  const cells = `    ${verdict}  ${requirement.padEnd(first)}  ${on.padEnd(second)}  ${found}`;
  if (missing === undefined) return [cells];
  return [cells, `${" ".repeat(9)}missing (line ${line}): ${missing}`];
}

/** @throws OciError REFUSED when one of them is not allowed */
export function requireAllowed(decisions: readonly NamedDecision[]): void {
  const refused = decisions.filter(({ allowed }) => !allowed);
  const [first] = refused;
  // Nothing was asked: nothing is allowed either.
  if (decisions.length > 0 && first === undefined) return;
  if (first === undefined) throw new OciError("REFUSED", "Nothing was judged");
  const more = refused.length > 1 ? `, and ${refused.length - 1} more` : "";
  throw new OciError("REFUSED", `The policy refuses ${first.reference}: ${first.reason ?? ""}${more}`, {
    reference: first.reference,
    digest: first.digest,
    detail: { rules: first.rules },
  });
}
