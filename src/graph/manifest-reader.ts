import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { type Edge, successors } from "../store/successors.ts";

interface Held {
  readonly bytes: Uint8Array;
  edges?: readonly Edge[];
}

/** Bytes of manifests kept at a time; their parsed edges take about three times as much. */
const CACHE_BYTES = 4 * 1024 * 1024;

/**
 * Reads manifests of one source, verified, through a cache bounded in bytes: planning
 * and pushing read each manifest twice, and only a graph larger than the cache is read again.
 */
export class ManifestReader {
  readonly #source: Pick<Source, "fetch">;
  readonly #held = new Map<Digest, Held>();
  #size = 0;

  constructor(source: Pick<Source, "fetch">) {
    this.#source = source;
  }

  /** @throws OciError MANIFEST_UNKNOWN, LIMIT_EXCEEDED, SIZE_INVALID, DIGEST_INVALID */
  async read(descriptor: Descriptor, options?: Signal): Promise<Uint8Array> {
    return (await this.#get(descriptor, options)).bytes;
  }

  /** @throws OciError as {@link read}, and MANIFEST_INVALID */
  async edges(descriptor: Descriptor, options?: Signal): Promise<readonly Edge[]> {
    const held = await this.#get(descriptor, options);
    held.edges ??= successors(descriptor, held.bytes);
    return held.edges;
  }

  async #get(descriptor: Descriptor, options?: Signal): Promise<Held> {
    const { digest } = descriptor;
    const cached = this.#held.get(digest);
    if (cached) {
      this.#held.delete(digest);
      this.#held.set(digest, cached);
      return cached;
    }
    if (descriptor.size > Limits.manifest) {
      throw new OciError(
        "LIMIT_EXCEEDED",
        `Manifest ${digest} has ${descriptor.size} bytes, the limit is ${Limits.manifest}`,
        {
          digest,
        },
      );
    }
    const content = this.#source.fetch(descriptor, { kind: "manifest", ...options });
    const held: Held = { bytes: await collect(content, Limits.manifest, `manifest ${digest}`) };
    this.#held.set(digest, held);
    this.#size += held.bytes.length;
    for (const [oldest, { bytes }] of this.#held) {
      if (this.#size <= CACHE_BYTES || oldest === digest) break;
      this.#held.delete(oldest);
      this.#size -= bytes.length;
    }
    return held;
  }
}
