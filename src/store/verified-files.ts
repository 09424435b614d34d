import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";

/**
 * Content that was read whole and found right, by the stamp it had then: as long as it has that one nobody has
 * written to it, and it need not be read again for the next client that pushes it. Bounded.
 */
export class VerifiedFiles {
  /** From the least to the most recently verified. */
  readonly #stamps = new Map<Digest, number>();

  add(digest: Digest, stamp: number): void {
    this.#stamps.delete(digest);
    this.#stamps.set(digest, stamp);
    const [oldest] = this.#stamps.keys();
    if (this.#stamps.size > Limits.verifiedFiles && oldest !== undefined) this.#stamps.delete(oldest);
  }

  has(digest: Digest, stamp: number | undefined): boolean {
    return stamp !== undefined && this.#stamps.get(digest) === stamp;
  }
}
