import { setTimeout as sleep } from "node:timers/promises";

/** How often and how long to try again. Times are milliseconds. */
export interface RetryPolicy {
  /** Further tries after the first. */
  readonly retries: number;
  /** First pause; doubled each time, with jitter. */
  readonly pause: number;
  /** Longest single pause, also for what a Retry-After asks. */
  readonly longest: number;
}

export const defaultRetry: RetryPolicy = { retries: 4, pause: 250, longest: 60_000 };

const RETRYABLE = new Set([429, 500, 502, 503, 504]);

/** Statuses after which the same request may well succeed. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status);
}

/** Milliseconds that a Retry-After header asks for: seconds or a date (RFC 9110 section 10.2.3). */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined || header.length > 64) return undefined;
  const text = header.trim();
  if (/^[0-9]+$/.test(text)) return Number(text) * 1000;
  // A date has letters; Date.parse alone would also take "-1".
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Pause before try number `attempt` (from 1): what the server asked, else exponential; both capped. */
export function pauseBefore(attempt: number, policy: RetryPolicy, asked: number | undefined): number {
  const own = Math.min(policy.pause * 2 ** (attempt - 1), policy.longest, 10_000);
  // Jitter spreads clients that failed together; a server's own word is a minimum.
  if (asked !== undefined) return Math.min(asked, policy.longest) + Math.random() * Math.min(own, 1000) * 0.2;
  return own * (0.5 + Math.random() * 0.5);
}

/** @throws the signal's reason */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw signal.reason;
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}
