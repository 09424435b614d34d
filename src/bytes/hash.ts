import { createHash, hash, type Hash } from "node:crypto";
import type { Algorithm, Digest } from "../spec/digest.ts";

/** A digest in the making. */
export class Digester {
  readonly algorithm: Algorithm;
  readonly #hash: Hash;
  #size = 0;

  constructor(algorithm: Algorithm = "sha256") {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#size += chunk.length;
    this.#hash.update(chunk);
  }

  /** Ends the hash; call once. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.digest("hex")}` as Digest;
  }
}

/** The digest of a buffer. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${hash(algorithm, bytes, "hex")}` as Digest;
}
