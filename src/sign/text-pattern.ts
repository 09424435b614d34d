import { OciError } from "../error/oci-error.ts";
import { shownJson } from "../spec/json.ts";

/** What a text has to be: this very one, or one that an expression matches from its first character to its last. */
export type TextPattern = { readonly exactly: string } | { readonly matching: RegExp };

/** Texts that are matched; longer ones never are. Identities and issuers are URLs and addresses. */
const MAX_LENGTH = 2048;

/** @throws OciError USAGE for an empty text, which would be no demand */
export function exactly(text: string): TextPattern {
  if (text !== "") return { exactly: text };
  throw new OciError("USAGE", "Expected a text to compare with, got an empty one");
}

/**
 * A JavaScript regular expression for the whole text: a part of it never suffices, so that a forgotten `^` or `$`
 * lets nobody in.
 * @throws OciError USAGE
 */
export function matching(source: string): TextPattern {
  if (source === "") throw new OciError("USAGE", "Expected a regular expression, got an empty text");
  try {
    // On its own first: it has to be whole before it is put into a group.
    void new RegExp(source, "u");
    return { matching: new RegExp(`^(?:${source})$`, "u") };
  } catch (cause) {
    throw new OciError("USAGE", `Invalid regular expression ${shownJson(source)}`, { cause });
  }
}

export function fits(pattern: TextPattern, text: string): boolean {
  if ("exactly" in pattern) return pattern.exactly === text;
  return text.length <= MAX_LENGTH && pattern.matching.test(text);
}

/** For messages. */
export function describePattern(pattern: TextPattern): string {
  return "exactly" in pattern ? pattern.exactly : `/${pattern.matching.source.slice(4, -2)}/`;
}
