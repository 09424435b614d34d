import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBuffer, type Bytes } from "../bytes/bytes.ts";
import { digestOf } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm, type Digest } from "../spec/digest.ts";
import { encodeJson, type JsonObject } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { FetchOptions, Source } from "../store/store.ts";
import { fileBytes } from "../tar/file.ts";
import { Meter } from "../tar/measure.ts";

/** Bytes of changed manifests held in memory. */
const MOST_HELD = 64 * 1024 * 1024;

/**
 * New content over a source: documents in memory, streams in temporary files. What is not of its own
 * comes from below. Disposing removes the files and leaves the source open.
 */
export class Overlay implements AsyncDisposable {
  readonly #below: Source;
  readonly #manifests = new Map<Digest, Uint8Array>();
  readonly #files = new Map<Digest, string>();
  #held = 0;
  #folder: Promise<string> | undefined;

  constructor(below: Source) {
    this.#below = below;
  }

  /** Takes a document in as a manifest, under a digest of the same algorithm as the one it replaces. */
  manifest(document: JsonObject, mediaType: string, like: Digest): Descriptor {
    const bytes = encodeJson(document);
    const digest = digestOf(bytes, computableAlgorithm(like));
    if (!this.#manifests.has(digest)) this.#held += bytes.length;
    if (this.#held > MOST_HELD) {
      throw new OciError("LIMIT_EXCEEDED", `The changed manifests have more than ${MOST_HELD} bytes in all`);
    }
    this.#manifests.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** Writes a stream into a temporary file and takes it in as a blob. */
  async blob(bytes: Bytes, mediaType: string, { signal }: Signal): Promise<Descriptor> {
    this.#folder ??= mkdtemp(join(tmpdir(), "berth-copy-"));
    const path = join(await this.#folder, `${this.#files.size}-${Math.random().toString(36).slice(2)}`);
    const meter = new Meter();
    await using handle = await open(path, "wx", 0o600);
    for await (const chunk of meter.measure(bytes)) {
      signal?.throwIfAborted();
      await handle.writeFile(chunk);
    }
    this.#files.set(meter.result.digest, path);
    return { mediaType, ...meter.result };
  }

  source(): Source {
    const below = this.#below;
    const holds = (digest: Digest): boolean => this.#manifests.has(digest) || this.#files.has(digest);
    return {
      location: below.location,
      ...(below.closure === undefined ? {} : { closure: below.closure }),
      resolve: async (name, options) => await below.resolve(name, options),
      exists: async (descriptor, options) => holds(descriptor.digest) || (await below.exists(descriptor, options)),
      fetch: (descriptor, options) => this.#own(descriptor, options) ?? below.fetch(descriptor, options),
      open: async (descriptor, options) => await below.open(descriptor, options),
      tags: (page) => below.tags(page),
      // Nothing can hang on what did not exist until now.
      referrers: (subject, options) => (holds(subject.digest) ? none() : below.referrers(subject, options)),
      [Symbol.asyncDispose]: async () => {
        await this[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const folder = this.#folder;
    this.#folder = undefined;
    if (folder) await rm(await folder, { recursive: true, force: true });
  }

  #own({ digest }: Descriptor, options: FetchOptions = {}): Bytes | undefined {
    const { offset = 0, signal } = options;
    const bytes = this.#manifests.get(digest);
    if (bytes) return fromBuffer(Uint8Array.from(bytes.subarray(offset)));
    const path = this.#files.get(digest);
    return path === undefined ? undefined : fileBytes(path, { offset, ...(signal ? { signal } : {}) });
  }
}

async function* none(): AsyncGenerator<never, void, undefined> {
  // An empty listing.
}
