import type { Bytes } from "../bytes/bytes.ts";
import { limit } from "../bytes/limit.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm } from "../spec/digest.ts";
import type { ContentSource, Signal } from "../store/content.ts";
import { isPassing } from "./network-error.ts";
import type { RepositoryApi } from "./repository-api.ts";
import { pause, pauseBefore } from "./retry.ts";
import { type Part, UploadSession } from "./session.ts";

export interface PushBlobOptions extends Signal {
  /** Bytes of a PATCH; the whole content goes in one PUT when absent. */
  readonly chunkSize?: number;
}

/** Chunk size for a registry that finds one PUT too large. */
const FALLBACK_CHUNK = 32 * 1024 * 1024;

/**
 * Uploads a blob: POST, then one PUT of everything, or chunks. After a failure that may pass,
 * the registry is asked how far it got, and the rest follows; where it has forgotten, all of it.
 *
 * The registry checks the digest; only the size is checked here, so that nothing is hashed twice.
 * @throws OciError DIGEST_INVALID, SIZE_INVALID, NETWORK, LIMIT_EXCEEDED; whatever the source throws
 */
export async function pushBlob(
  api: RepositoryApi,
  descriptor: Descriptor,
  source: ContentSource,
  options: PushBlobOptions,
): Promise<void> {
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const policy = api.host.retryPolicy;
  let session: UploadSession | undefined;
  let at = 0;
  let failures = 0;
  let chunk = options.chunkSize;
  for (;;) {
    // A POST that fails has had its tries.
    session ??= await UploadSession.start(api, computableAlgorithm(descriptor.digest), signal);
    try {
      const upload = new Sending(session, descriptor, source, signal);
      await upload.send(at, chunk);
      return;
    } catch (error) {
      const tooLarge = isOciError(error) && error.context.status === 413 && chunk === undefined;
      if (tooLarge && descriptor.size > FALLBACK_CHUNK) chunk = FALLBACK_CHUNK;
      else if (!mayPass(error) || (failures += 1) > policy.retries) {
        await session.cancel({}).catch(() => undefined);
        throw error;
      }
      await pause(pauseBefore(Math.max(failures, 1), policy, undefined), options.signal);
      const reached = await offsetOf(session, signal);
      if (reached === undefined || reached > descriptor.size) session = undefined;
      else if (reached > at) failures = 1;
      at = session ? (reached ?? 0) : 0;
      if (at > 0) api.host.onEvent?.({ type: "resume", digest: descriptor.digest, offset: at });
    }
  }
}

function mayPass(error: unknown): boolean {
  if (isPassing(error)) return true;
  if (!isOciError(error)) return false;
  const { status } = error.context;
  // A disk that is full: further tries would only fill it again.
  if (status === 507) return false;
  // 416: our idea of the offset is wrong; 404: the session is gone.
  return (
    status !== undefined &&
    (status === 416 || status === 429 || status >= 500 || isOciError(error, "BLOB_UPLOAD_UNKNOWN"))
  );
}

async function offsetOf(session: UploadSession | undefined, signal: Signal): Promise<number | undefined> {
  try {
    return await session?.status(signal);
  } catch (error) {
    signal.signal?.throwIfAborted();
    if (isOciError(error)) return undefined;
    throw error;
  }
}

/** One go at the content from an offset. */
class Sending {
  readonly #session: UploadSession;
  readonly #descriptor: Descriptor;
  readonly #source: ContentSource;
  readonly #signal: Signal;

  constructor(session: UploadSession, descriptor: Descriptor, source: ContentSource, signal: Signal) {
    this.#session = session;
    this.#descriptor = descriptor;
    this.#source = source;
    this.#signal = signal;
  }

  async send(offset: number, chunkSize: number | undefined): Promise<void> {
    const { size, digest } = this.#descriptor;
    if (offset === 0 && (chunkSize === undefined || size <= chunkSize)) {
      await this.#session.put(digest, this.#part(0, size), this.#signal);
      return;
    }
    const chunk = Math.max(chunkSize ?? size, this.#session.minimum, 1);
    for (let at = offset; at < size; at += chunk) {
      await this.#session.patch(this.#part(at, Math.min(chunk, size - at)), at, this.#signal);
    }
    await this.#session.put(digest, undefined, this.#signal);
  }

  #part(at: number, length: number): Part {
    return { length, open: () => exactly(this.#source({ offset: at }), at, length, this.#descriptor, this.#signal) };
  }
}

/** Cuts `length` bytes out of content from an offset on, and misses none; the last part must also be the end. */
async function* exactly(bytes: Bytes, at: number, length: number, descriptor: Descriptor, options: Signal): Bytes {
  const last = at + length === descriptor.size;
  const bounded = limit(bytes, { ...descriptor, size: descriptor.size - at }, options.signal);
  let left = length;
  for await (const chunk of bounded) {
    // Holding back the end keeps a body that is too long from looking complete.
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    if (part.length > 0) yield part;
    if (left === 0 && !last) return;
  }
  if (left > 0) {
    throw new OciError(
      "SIZE_INVALID",
      `${descriptor.digest} should have ${descriptor.size} bytes, got ${at + length - left}`,
      {
        digest: descriptor.digest,
      },
    );
  }
}
