import { OciError } from "../error/oci-error.ts";
import { type Query, single } from "./query.ts";

/** Entries of a page when the client names no number. */
export const DEFAULT_PAGE = 1000;
/** Entries of a page at most, whatever the client asks for. */
export const LARGEST_PAGE = 10_000;
/** Characters of `last`; longer than any name, tag or digest. */
const LONGEST_LAST = 512;

export interface PageRequest {
  readonly limit: number;
  /** Only what sorts after it. */
  readonly after?: string;
}

/**
 * Reads `n` and `last` of a listing.
 * @throws OciError USAGE
 */
export function parsePage(query: Query): PageRequest {
  const n = single(query, "n");
  const after = single(query, "last");
  if (n !== undefined && !/^\d{1,40}$/.test(n)) {
    throw new OciError("USAGE", `Invalid n ${JSON.stringify(n.slice(0, 40))}: expected a number of entries`);
  }
  if (after !== undefined && after.length > LONGEST_LAST) {
    throw new OciError("USAGE", `Invalid last: longer than ${LONGEST_LAST} characters`);
  }
  const limit = n === undefined ? DEFAULT_PAGE : Math.min(Number(n), LARGEST_PAGE);
  return { limit, ...(after === undefined || after === "" ? {} : { after }) };
}

/** The Link header to the next page (RFC 8288), relative to the server's root. */
export function nextLink(path: string, parameters: Readonly<Record<string, string>>): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `<${path}?${query.join("&")}>; rel="next"`;
}
