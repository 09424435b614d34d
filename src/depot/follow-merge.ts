import type { Digest } from "../spec/digest.ts";

/** Three words on one tag; null: it is not there. */
export interface TagVersions {
  /** What the catalog says. */
  readonly ours: Digest | null;
  /** What index.json said when the two last agreed. */
  readonly base: Digest | null;
  /** What index.json says now. */
  readonly theirs: Digest | null;
  /** Whether index.json said what it says now once before, and the catalog wrote over it. */
  readonly isStale?: boolean;
}

/**
 * What comes of them. "same": nothing has to move. "take": somebody else moved the tag and we did not, so the catalog
 * follows. "ours": the catalog stays and index.json follows it. "conflict": both moved it; the catalog stays.
 * "stale": somebody wrote back what he had read before; the catalog stays.
 */
export type TagVerdict = "same" | "take" | "ours" | "conflict" | "stale";

/** Decides on one tag. A tag that index.json does not tell of is never taken for deleted. */
export function mergeTag({ ours, base, theirs, isStale = false }: TagVersions): TagVerdict {
  if (ours === theirs) return "same";
  if (theirs === base || theirs === null) return "ours";
  if (isStale) return "stale";
  return ours === base ? "take" : "conflict";
}
