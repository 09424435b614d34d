import { Limits } from "../spec/limits.ts";

/** One authentication challenge (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;
const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;

function match(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}

/** Reads a quoted string whose opening quote is at `at`; undefined when it is never closed. */
function quoted(text: string, at: number): { value: string; end: number } | undefined {
  let value = "";
  let index = at + 1;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === '"') return { value, end: index + 1 };
    if (char === "\\") index += 1;
    value += text.charAt(index);
    index += 1;
  }
  return undefined;
}

/**
 * Parses a WWW-Authenticate header of any number of challenges; quoted strings may
 * hold commas. What comes after a syntax error, or a header above the cap, is not read.
 */
export function parseChallenges(header: string): Challenge[] {
  if (header.length > Limits.header) return [];
  const challenges: Challenge[] = [];
  let current: Map<string, string> | undefined;
  let at = 0;
  for (;;) {
    at += match(SEPARATORS, header, at)?.length ?? 0;
    const name = match(TOKEN, header, at);
    if (name === undefined) return challenges;
    let next = at + name.length;
    next += match(SPACE, header, next)?.length ?? 0;
    if (header.charAt(next) === "=" && current !== undefined) {
      next += 1;
      next += match(SPACE, header, next)?.length ?? 0;
      const text = header.charAt(next) === '"' ? quoted(header, next) : undefined;
      const value = text?.value ?? match(TOKEN, header, next);
      if (value === undefined || (header.charAt(next) === '"' && text === undefined)) return challenges;
      // The first of two equal names counts, so that nothing appended can replace it.
      if (!current.has(name.toLowerCase())) current.set(name.toLowerCase(), value);
      at = text?.end ?? next + value.length;
      continue;
    }
    if (header.charAt(next) === "=") return challenges;
    current = new Map();
    challenges.push({ scheme: name.toLowerCase(), parameters: current });
    at = next;
    // `Negotiate abc==`: a token68 in place of parameters.
    const opaque = match(TOKEN68, header, at);
    if (opaque !== undefined && next > at - 1 && header.charAt(at - 1) === " ") at += opaque.length;
  }
}
