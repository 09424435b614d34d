/** `scheme://user:password@host` of an absolute-form target (RFC 9112 section 3.2.2), and its query. */
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** What reports may show of a request's target: its path alone. The rest may hold what is nobody's business. */
export function requestPath(target: string): string {
  const local = target.replace(AUTHORITY, "");
  const question = local.indexOf("?");
  return question === -1 ? local : local.slice(0, question);
}
