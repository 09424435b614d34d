import { isOciError } from "../error/oci-error.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseJson } from "../spec/json.ts";
import { parseManifest, sniffManifestType } from "../spec/manifest.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";

/** The bytes of manifests, wherever they are kept. */
export interface ManifestBytes {
  /** Undefined: not there, damaged, or larger than a manifest may be. Whatever comes has the digest asked for. */
  read(digest: Digest, options?: Signal): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array, mediaType: string): Promise<Descriptor>;
  /** Removes bytes that nothing names any more; may fail in silence. */
  discard(digest: Digest): Promise<void>;
}

/** What a blob says of itself; it cannot change, since its digest would. */
export interface ManifestFacts {
  /** The type by its own words; undefined: no manifest that can be told by its bytes. */
  readonly mediaType: string | undefined;
  readonly size: number;
  readonly subject?: Digest;
  /** The descriptor under which it is listed as a referrer. */
  readonly listed?: Descriptor;
  /** What an index lists. */
  readonly children?: readonly Descriptor[];
}

const CACHED = 4096;
const OPENING_BRACE = 0x7b;

/** Reads manifests once and remembers what matters of them. */
export class ManifestReader {
  readonly bytes: ManifestBytes;
  readonly #cache = new Map<Digest, ManifestFacts>();

  constructor(bytes: ManifestBytes) {
    this.bytes = bytes;
  }

  /**
   * Tells what a blob says of itself; undefined when it cannot be read.
   */
  async facts(digest: Digest, options: Signal = {}): Promise<ManifestFacts | undefined> {
    const cached = this.#cache.get(digest);
    if (cached) return cached;
    const bytes = await this.bytes.read(digest, options);
    if (bytes === undefined) return undefined;
    const facts = factsOf(digest, bytes);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= CACHED && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(digest, facts);
    return facts;
  }

  forget(digest: Digest): void {
    this.#cache.delete(digest);
  }
}

function factsOf(digest: Digest, bytes: Uint8Array): ManifestFacts {
  const nothing = { mediaType: undefined, size: bytes.length };
  // Layers come by here as well: most need no more than a look at their first byte.
  const first = bytes.find((byte) => byte > 0x20);
  if (first !== OPENING_BRACE) return nothing;
  try {
    const mediaType = sniffManifestType(parseJson(bytes, "manifest"));
    if (mediaType === undefined) return nothing;
    const manifest = parseManifest(bytes, mediaType);
    const listed = referrerDescriptor(manifest, { mediaType, digest, size: bytes.length });
    return {
      mediaType,
      size: bytes.length,
      listed,
      ...(manifest.subject ? { subject: manifest.subject.digest } : {}),
      ...(manifest.form === "index" ? { children: manifest.manifests.map(bareDescriptor) } : {}),
    };
  } catch (error) {
    if (isOciError(error)) return nothing;
    throw error;
  }
}
