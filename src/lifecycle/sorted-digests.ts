import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";

/** Raw bytes of the longest digest, and one for the algorithm before them. */
const SLOT = 65;
const FIRST_CAPACITY = 1024;
const SHA256 = 1;
const SHA512 = 2;

/** Digests in ASCII order, in 69 bytes each: what lies in a directory of a million files has to be sorted somewhere. */
export class SortedDigests {
  #bytes = Buffer.alloc(FIRST_CAPACITY * SLOT);
  #size = 0;

  /** Of algorithms that can be computed. */
  add(digest: Digest): void {
    if ((this.#size + 1) * SLOT > this.#bytes.length) {
      const grown = Buffer.alloc(this.#bytes.length * 2);
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    const at = this.#size * SLOT;
    this.#bytes[at] = algorithmOf(digest) === "sha256" ? SHA256 : SHA512;
    this.#bytes.write(encodedOf(digest), at + 1, "hex");
    this.#size += 1;
  }

  *[Symbol.iterator](): Generator<Digest, void, undefined> {
    const slots = new Uint32Array(this.#size).map((_, index) => index * SLOT);
    slots.sort((left, right) => this.#bytes.compare(this.#bytes, right, right + SLOT, left, left + SLOT));
    for (const at of slots) {
      const algorithm = this.#bytes[at] === SHA256 ? "sha256" : "sha512";
      const length = algorithm === "sha256" ? 32 : 64;
      yield `${algorithm}:${this.#bytes.toString("hex", at + 1, at + 1 + length)}` as Digest;
    }
  }
}
