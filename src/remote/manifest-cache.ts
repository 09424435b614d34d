export interface CachedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** Manifests by repository and digest, the least recently used go first; bounded in bytes. */
export class ManifestCache {
  readonly #capacity: number;
  readonly #entries = new Map<string, CachedManifest>();
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): CachedManifest | undefined {
    const found = this.#entries.get(key);
    if (found) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  set(key: string, manifest: CachedManifest): void {
    this.delete(key);
    if (manifest.bytes.length > this.#capacity) return;
    this.#entries.set(key, manifest);
    this.#size += manifest.bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#capacity) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const found = this.#entries.get(key);
    if (!found) return;
    this.#entries.delete(key);
    this.#size -= found.bytes.length;
  }
}
