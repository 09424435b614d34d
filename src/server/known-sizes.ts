import { digestOf } from "../bytes/hash.ts";
import { type Digest, isAlgorithm, algorithmOf } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";

/**
 * How many bytes the content of a digest has, as it was when it was verified: a file that was cut short since then
 * is not the blob that its name says (zot #4427). Bounded; what is not known counts as whole, except nothing at all.
 */
export class KnownSizes {
  /** From the least to the most recently learnt. */
  readonly #sizes = new Map<Digest, number>();

  learn(digest: Digest, size: number): void {
    this.#sizes.delete(digest);
    this.#sizes.set(digest, size);
    const [oldest] = this.#sizes.keys();
    if (this.#sizes.size > Limits.knownSizes && oldest !== undefined) this.#sizes.delete(oldest);
  }

  /** Whether content of this size may be that of the digest. */
  fits(digest: Digest, size: number): boolean {
    const known = this.#sizes.get(digest);
    if (known !== undefined) return known === size;
    if (size > 0) return true;
    const algorithm = algorithmOf(digest);
    return !isAlgorithm(algorithm) || digest === digestOf(new Uint8Array(), algorithm);
  }
}
