import { randomInt } from "node:crypto";
import { algorithmOf, type Digest, encodedOf, isAlgorithm } from "../spec/digest.ts";

/** 32-bit words kept of a digest: 16 bytes tell any two apart. */
const WORDS = 4;
/** Hex digits of one word. */
const DIGITS = 8;
const FIRST_CAPACITY = 1024;

/**
 * A set of digests in 16 bytes each, in one piece of memory: a million take 32 MiB, not the
 * hundreds that their texts would. Only of algorithms that can be computed; others are never in it.
 */
export class DigestSet {
  /** So that nobody can choose digests that fall on one place. */
  readonly #seed = randomInt(2 ** 32);
  #words = new Uint32Array(FIRST_CAPACITY * WORDS);
  #capacity = FIRST_CAPACITY;
  #size = 0;
  /** The key of zeros marks free places. */
  #hasZero = false;
  readonly #key = new Uint32Array(WORDS);

  get size(): number {
    return this.#size;
  }

  has(digest: Digest): boolean {
    if (!this.#read(digest)) return false;
    return this.#isZero() ? this.#hasZero : this.#place(this.#words, this.#capacity, this.#key, 0).found;
  }

  /** False: it was in it already, or can never be. */
  add(digest: Digest): boolean {
    if (!this.#read(digest)) return false;
    if (this.#isZero()) {
      const isNew = !this.#hasZero;
      this.#hasZero = true;
      if (isNew) this.#size += 1;
      return isNew;
    }
    const { at, found } = this.#place(this.#words, this.#capacity, this.#key, 0);
    if (found) return false;
    this.#words.set(this.#key, at * WORDS);
    this.#size += 1;
    if (this.#size * 2 > this.#capacity) this.#grow();
    return true;
  }

  #read(digest: Digest): boolean {
    if (!isAlgorithm(algorithmOf(digest))) return false;
    const encoded = encodedOf(digest);
    for (let word = 0; word < WORDS; word += 1) {
      this.#key[word] = Number.parseInt(encoded.slice(word * DIGITS, (word + 1) * DIGITS), 16);
    }
    return true;
  }

  #isZero(): boolean {
    return this.#key.every((word) => word === 0);
  }

  #place(
    words: Uint32Array,
    capacity: number,
    key: Uint32Array,
    from: number,
  ): { readonly at: number; readonly found: boolean } {
    const mixed = Math.imul((key[from] ?? 0) ^ this.#seed, 0x9e3779b1) ^ (key[from + 1] ?? 0);
    for (let at = (mixed >>> 0) % capacity; ; at = (at + 1) % capacity) {
      const start = at * WORDS;
      let isFree = true;
      let isSame = true;
      for (let word = 0; word < WORDS; word += 1) {
        if (words[start + word] !== 0) isFree = false;
        if (words[start + word] !== key[from + word]) isSame = false;
      }
      if (isSame || isFree) return { at, found: isSame };
    }
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    const words = new Uint32Array(capacity * WORDS);
    for (let from = 0; from < this.#words.length; from += WORDS) {
      const key = this.#words.subarray(from, from + WORDS);
      if (key.every((word) => word === 0)) continue;
      words.set(key, this.#place(words, capacity, key, 0).at * WORDS);
    }
    this.#words = words;
    this.#capacity = capacity;
  }
}
