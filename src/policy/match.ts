import type { Match } from "./policy.ts";
import { matchesAny } from "./text-pattern.ts";

/** Under which names something lies. */
export interface Place {
  /** Without its registry. */
  readonly repository: string;
  /** `host` or `host:port`; absent where it lies in no registry. */
  readonly registry?: string;
  /** All that are known; none: it is named by its digest alone. */
  readonly tags: readonly string[];
}

/**
 * Whether a rule is about a place. What has no tag is held to every rule of its repository: otherwise a digest would
 * be a way around the rules of its tags.
 */
export function applies(match: Match, { repository, registry, tags }: Place): boolean {
  if (!match.repositories.some((pattern) => pattern(repository))) return false;
  if (match.registries && (registry === undefined || !matchesAny(match.registries, registry))) return false;
  const { tags: wanted, except } = match;
  if (wanted && tags.length > 0 && !tags.some((tag) => matchesAny(wanted, tag))) return false;
  if (except.repositories.some((pattern) => pattern(repository))) return false;
  return !(except.tags.length > 0 && tags.length > 0 && tags.every((tag) => matchesAny(except.tags, tag)));
}
