/** From harmless to worst. What a report says in no such word is `unknown`, which is worse than all: nobody knows. */
export const SEVERITIES = ["none", "negligible", "low", "medium", "high", "critical", "unknown"] as const;

export type Severity = (typeof SEVERITIES)[number];

const WORDS: Readonly<Record<string, Severity>> = {
  none: "none",
  info: "negligible",
  informational: "negligible",
  negligible: "negligible",
  unimportant: "negligible",
  low: "low",
  minor: "low",
  medium: "medium",
  moderate: "medium",
  high: "high",
  important: "high",
  major: "high",
  critical: "critical",
};

export function severityOf(word: unknown): Severity {
  const known = typeof word === "string" ? word.toLowerCase() : "";
  return Object.hasOwn(WORDS, known) ? (WORDS[known] ?? "unknown") : "unknown";
}

/** The rating of a CVSS score (CVSS 3.1, "Qualitative Severity Rating Scale"). */
export function severityOfScore(score: number): Severity {
  if (!(score >= 0 && score <= 10)) return "unknown";
  if (score === 0) return "none";
  if (score < 4) return "low";
  if (score < 7) return "medium";
  return score < 9 ? "high" : "critical";
}

export function isWorse(severity: Severity, than: Severity): boolean {
  return SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(than);
}

export function worst(severities: readonly Severity[]): Severity {
  return severities.reduce((one, other) => (isWorse(other, one) ? other : one), "none");
}
