/**
 * What RE2 and JavaScript do not read the same way: groups with options or names, looks around, back references,
 * classes of characters by name, and escapes that only one of them knows.
 */
const UNSHARED = /\(\?(?!:)|\\[^dDwWsSbBtnrfv.\\+*?()|[\]{}^$/-]|\[\[:|\[\^?\]/;
const LONGEST = 500;

/** Why a pattern is not taken, if it is not: only what means the same in RE2, which CEL asks for, and here. */
export function patternProblem(pattern: unknown): string | undefined {
  if (typeof pattern !== "string") return "matches() takes a pattern that is written out";
  if (pattern.length > LONGEST) return `a pattern has ${pattern.length} characters, at most ${LONGEST} are taken`;
  const [unshared] = UNSHARED.exec(pattern) ?? [];
  if (unshared !== undefined) return `${JSON.stringify(unshared)} in a pattern is not taken`;
  try {
    return new RegExp(pattern) instanceof RegExp ? undefined : "it is no pattern";
  } catch {
    return `${JSON.stringify(pattern)} is no pattern`;
  }
}
