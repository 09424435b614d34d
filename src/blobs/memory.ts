import { randomUUID } from "node:crypto";
import { fromBuffer, type Bytes } from "../bytes/bytes.ts";
import { digestOf } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm, type Digest } from "../spec/digest.ts";
import type { Blobs, Upload } from "../store/blobs.ts";
import type { Content, Range } from "../store/content.ts";

interface Held {
  readonly bytes: Uint8Array;
  readonly touchedAt: Date;
}

/** Bytes in a map; for tests, for small graphs in the making, and for `serve` without a disk. */
export class MemoryBlobs implements Blobs {
  readonly #held = new Map<Digest, Held>();
  readonly #uploads = new Map<string, MemoryUpload>();

  async stat(digest: Digest): Promise<{ size: number } | undefined> {
    const held = this.#held.get(digest);
    return held && { size: held.bytes.length };
  }

  async open(digest: Digest, options: { readonly range?: Range } = {}): Promise<Content> {
    const held = this.#held.get(digest);
    if (!held) throw new OciError("BLOB_UNKNOWN", `No blob ${digest} in memory`, { digest });
    const { start, end } = checkRange(options.range, held.bytes.length, digest);
    return {
      size: held.bytes.length,
      // A copy: chunks belong to the receiver.
      bytes: () => fromBuffer(Uint8Array.from(held.bytes.subarray(start, end))),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  async stage(): Promise<Upload> {
    const upload = new MemoryUpload(this.#held, (id) => this.#uploads.delete(id));
    this.#uploads.set(upload.id, upload);
    return upload;
  }

  async resume(id: string): Promise<Upload> {
    const upload = this.#uploads.get(id);
    if (!upload) throw new OciError("BLOB_UPLOAD_UNKNOWN", "No such upload");
    return upload;
  }

  /** Shares a blob of another map: nothing is copied, and a digest in memory was checked when it came. */
  async link(digest: Digest, from: Blobs): Promise<boolean> {
    const held = from instanceof MemoryBlobs ? from.#held.get(digest) : undefined;
    if (held) this.#held.set(digest, { bytes: held.bytes, touchedAt: new Date() });
    return held !== undefined;
  }

  async remove(digest: Digest): Promise<void> {
    this.#held.delete(digest);
  }

  async *list(): AsyncIterable<{ digest: Digest; size: number; touchedAt: Date }> {
    for (const [digest, { bytes, touchedAt }] of this.#held) yield { digest, size: bytes.length, touchedAt };
  }
}

/**
 * Half-open positions of a range within a size.
 * @throws OciError RANGE_INVALID
 */
function checkRange(range: Range | undefined, size: number, digest: Digest): { start: number; end: number } {
  const start = range?.start ?? 0;
  const last = range?.end ?? size - 1;
  if (range && (start < 0 || start >= size || last < start)) {
    throw new OciError(
      "RANGE_INVALID",
      `Range ${start}-${range.end ?? ""} is outside of ${digest}, which has ${size} bytes`,
      {
        digest,
      },
    );
  }
  return { start, end: Math.min(last + 1, size) };
}

class MemoryUpload implements Upload {
  readonly id: string = randomUUID();
  readonly #held: Map<Digest, Held>;
  readonly #forget: (id: string) => void;
  #chunks: Uint8Array[] = [];
  #offset = 0;
  #busy = false;

  constructor(held: Map<Digest, Held>, forget: (id: string) => void) {
    this.#held = held;
    this.#forget = forget;
  }

  get offset(): number {
    return this.#offset;
  }

  async append(bytes: Bytes, at: number): Promise<number> {
    if (this.#busy) throw new OciError("BLOB_UPLOAD_INVALID", "Somebody else is writing to this upload");
    if (at !== this.#offset) {
      throw new OciError("RANGE_INVALID", `The upload stands at ${this.#offset}, not at ${at}`);
    }
    this.#busy = true;
    try {
      for await (const chunk of bytes) {
        this.#chunks.push(Uint8Array.from(chunk));
        this.#offset += chunk.length;
      }
    } finally {
      this.#busy = false;
    }
    return this.#offset;
  }

  async commit(digest: Digest): Promise<Descriptor> {
    const bytes = Buffer.concat(this.#chunks);
    const actual = digestOf(bytes, computableAlgorithm(digest));
    await this.abort();
    if (actual !== digest) {
      throw new OciError("DIGEST_INVALID", `The uploaded content has the digest ${actual}, not ${digest}`, { digest });
    }
    this.#held.set(digest, { bytes, touchedAt: new Date() });
    return { mediaType: "application/octet-stream", digest, size: bytes.length };
  }

  async abort(): Promise<void> {
    this.#chunks = [];
    this.#forget(this.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Suspended: it stays in the map until it is committed or aborted.
  }
}
