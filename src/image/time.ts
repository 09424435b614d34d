import { OciError } from "../error/oci-error.ts";

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads a time as a user types it: seconds since 1970, `2026-11-21`, or RFC 3339.
 * @throws OciError USAGE
 */
export function parseTime(text: string): Date {
  const whole = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const date = /^\d{1,12}$/.test(text) ? new Date(Number(text) * 1000) : new Date(whole);
  const known = /^\d{1,12}$/.test(text) || RFC3339.test(whole);
  if (known && !Number.isNaN(date.getTime())) return date;
  throw new OciError("USAGE", `Invalid time ${JSON.stringify(text)}: expected RFC 3339 or seconds since 1970`, {
    hint: "For example: 2026-01-31T12:00:00Z, 2026-01-31, 1769860800",
  });
}
