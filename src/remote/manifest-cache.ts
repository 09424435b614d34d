import type { Digest } from "../spec/digest.ts";

export interface CachedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** Manifests by digest, the least recently used go first; bounded in bytes. */
export class ManifestCache {
  readonly #capacity: number;
  readonly #entries = new Map<Digest, CachedManifest>();
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(digest: Digest): CachedManifest | undefined {
    const found = this.#entries.get(digest);
    if (found) {
      this.#entries.delete(digest);
      this.#entries.set(digest, found);
    }
    return found;
  }

  set(digest: Digest, manifest: CachedManifest): void {
    this.delete(digest);
    if (manifest.bytes.length > this.#capacity) return;
    this.#entries.set(digest, manifest);
    this.#size += manifest.bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#capacity) return;
      this.delete(oldest);
    }
  }

  delete(digest: Digest): void {
    const found = this.#entries.get(digest);
    if (!found) return;
    this.#entries.delete(digest);
    this.#size -= found.bytes.length;
  }
}
