import type { Signal } from "../store/content.ts";
import type { Verifier } from "../sign/signer.ts";
import type { HeldSource } from "./held-source.ts";
import type { Place } from "./match.ts";
import type { PolicySubject } from "./subject.ts";

/** What the checks of one decision share. */
export interface Inquiry extends Signal {
  readonly source: HeldSource;
  readonly subject: PolicySubject;
  readonly place: Place;
  readonly now: Date;
  /** By the names of identities. */
  readonly verifiers: ReadonlyMap<string, Verifier>;
}

export function verifiersOf({ verifiers }: Inquiry, names: readonly string[]): readonly Verifier[] {
  return names.flatMap((name) => verifiers.get(name) ?? []);
}

export function signalOf({ signal }: Signal): Signal {
  return signal ? { signal } : {};
}

/** Clocks of others that run ahead by so many milliseconds are put up with. */
export const CLOCK_SKEW: number = 5 * 60 * 1000;

/** The last moment that is worth telling. */
const LAST = Date.UTC(9999, 0);

/** A finding's end, in milliseconds since 1970; nothing for one that is too far off to matter. */
export function endingAt(time: number): { readonly until?: string } {
  return time < LAST ? { until: new Date(time).toISOString() } : {};
}
