import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";

/**
 * Small verified content by digest, bounded in bytes. It spares reading and hashing, never
 * looking: whoever serves from it has asked the store in this very request whether the
 * repository holds the digest, and with which size. So nothing that was deleted, moved away
 * or cut short by anybody is served, and a digest held here is readable nowhere but where it
 * was pushed. Content never changes under its digest, which is why nothing is ever stale.
 */
export class ContentCache {
  /** From the least to the most recently used. */
  readonly #held = new Map<Digest, Uint8Array>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes in all */
  constructor(limit: number = Limits.contentCache) {
    this.#limit = limit;
  }

  /** Bytes held. */
  get size(): number {
    return this.#bytes;
  }

  /** The content, where it is held and as long as the store says. */
  get(digest: Digest, size: number): Uint8Array | undefined {
    const bytes = this.#held.get(digest);
    if (bytes?.length !== size) return undefined;
    this.#held.delete(digest);
    this.#held.set(digest, bytes);
    return bytes;
  }

  /** @param bytes verified, and from now on nobody's to change */
  put(digest: Digest, bytes: Uint8Array): void {
    if (bytes.length > Limits.contentCacheEntry) return;
    this.#drop(digest);
    this.#held.set(digest, bytes);
    this.#bytes += bytes.length;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#drop(oldest);
    }
  }

  #drop(digest: Digest): void {
    this.#bytes -= this.#held.get(digest)?.length ?? 0;
    this.#held.delete(digest);
  }
}
