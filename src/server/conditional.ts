import type { Digest } from "../spec/digest.ts";

/** The entity tag of content: its digest, quoted. */
export function etagOf(digest: Digest): string {
  return `"${digest}"`;
}

function listed(header: string): readonly string[] {
  return header.split(",").map((tag) => tag.trim());
}

/** Whether If-None-Match names what is here (weak comparison, RFC 9110 section 13.1.2). */
export function noneMatchHits(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return false;
  const own = etagOf(digest);
  return listed(header).some((tag) => tag === "*" || tag.replace(/^W\//, "") === own);
}

/** Whether If-Match names what is here (strong comparison); `digest` undefined: nothing is here. */
export function matchHits(header: string, digest: Digest | undefined): boolean {
  if (digest === undefined) return false;
  const own = etagOf(digest);
  return listed(header).some((tag) => tag === "*" || tag === own);
}
