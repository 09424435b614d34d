import { OciError } from "../error/oci-error.ts";

const PATTERN = /^[a-z0-9._/*-]{1,255}$/;
/** More would let a short pattern take long over a name. */
const MOST_STARS = 8;

/** Whether a repository of this name is meant. */
export type NamePattern = (name: string) => boolean;

/**
 * Reads a pattern of repository names: a name in which `*` stands for anything within one part
 * and `**` for anything across parts, so that `team/*` means `team/app` and `team/**` also `team/app/cache`.
 * @throws OciError USAGE
 */
export function parseNamePattern(text: string): NamePattern {
  const stars = text.match(/\*+/g) ?? [];
  if (!PATTERN.test(text) || stars.length > MOST_STARS || stars.some((run) => run.length > 2)) {
    throw new OciError(
      "USAGE",
      `Invalid pattern ${JSON.stringify(text.slice(0, 80))}: expected a repository name that may hold * and **`,
    );
  }
  const source = text.replaceAll(/\*\*|[.*]/g, (token) => (token === "**" ? ".*" : token === "*" ? "[^/]*" : "\\."));
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}
