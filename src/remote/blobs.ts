import type { Bytes } from "../bytes/bytes.ts";
import { limit } from "../bytes/limit.ts";
import { verify } from "../bytes/verify.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Content, Range, Signal } from "../store/content.ts";
import { blobStream, type BlobStreamOptions, parseContentRange } from "./blob-stream.ts";
import type { ApiAnswer } from "./host.ts";
import { contentLength, type RepositoryApi, withAnswer } from "./repository-api.ts";

/** The blob endpoints for reading and deleting (distribution-spec end-2, end-10). */
export class RemoteBlobs {
  readonly #api: RepositoryApi;

  constructor(api: RepositoryApi) {
    this.#api = api;
  }

  /** Undefined where it is absent. `size` is undefined where the registry does not tell it. */
  async stat(digest: Digest, options: Signal = {}): Promise<{ readonly size: number | undefined } | undefined> {
    const sent = this.#api.send({ method: "HEAD", url: this.#api.path(`blobs/${digest}`), ...options });
    return await withAnswer(sent, async (answer) => {
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw await this.#error(answer, "Looking up the blob", digest);
      return { size: contentLength(answer) };
    });
  }

  /** Whether it is there; a size other than the descriptor's is an error. */
  async exists(descriptor: Descriptor, options: Signal = {}): Promise<boolean> {
    const found = await this.stat(descriptor.digest, options);
    if (!found) return false;
    if (found.size === undefined || found.size === descriptor.size) return true;
    throw new OciError(
      "SIZE_INVALID",
      `${descriptor.digest} should have ${descriptor.size} bytes, ${this.#api.label} holds ${found.size}`,
      { digest: descriptor.digest },
    );
  }

  /** Verified, unless an offset leaves nothing to verify against or the caller does it. */
  fetch(descriptor: Descriptor, options: BlobStreamOptions & { offset?: number; verify?: boolean }): Bytes {
    const { offset = 0, signal, lent = false } = options;
    const verified = offset === 0 && options.verify !== false;
    // To verify is to hold a chunk back.
    const stream = blobStream(this.#api, descriptor, offset, {
      lent: lent && !verified,
      ...(signal ? { signal } : {}),
    });
    if (verified) return verify(stream, descriptor);
    return limit(stream, { ...descriptor, size: descriptor.size - offset }, signal);
  }

  async open(descriptor: Descriptor, options: Signal & { range?: Range }): Promise<Content> {
    const { range, signal } = options;
    const { digest } = descriptor;
    const answer = await this.#api.send({
      method: "GET",
      url: this.#api.path(`blobs/${digest}`),
      ...(range ? { headers: { range: `bytes=${range.start}-${range.end ?? ""}` } } : {}),
      ...(signal ? { signal } : {}),
    });
    if (answer.status === 206 && range) return content(answer, partSize(answer, descriptor, range), answer.bytes());
    if (answer.status === 200) {
      const size = contentLength(answer) ?? descriptor.size;
      if (!range) return content(answer, size, answer.bytes());
      if (range.start < size) return content(answer, size, cut(answer.bytes(), range));
      await answer.drain();
      throw new OciError("RANGE_INVALID", `${digest} has ${size} bytes, none at ${range.start}`, { digest });
    }
    await using failed = answer;
    throw await this.#error(failed, "Fetching the blob", digest);
  }

  /** @throws OciError BLOB_UNKNOWN, UNSUPPORTED */
  async delete(digest: Digest, options: Signal = {}): Promise<void> {
    const sent = this.#api.send({ method: "DELETE", url: this.#api.path(`blobs/${digest}`), ...options });
    await withAnswer(sent, async (answer) => {
      if (answer.status < 200 || answer.status >= 300) throw await this.#error(answer, "Deleting the blob", digest);
    });
  }

  async #error(answer: ApiAnswer, operation: string, digest: Digest): Promise<Error> {
    return await this.#api.error(answer, operation, "BLOB_UNKNOWN", { digest });
  }
}

function content(answer: ApiAnswer, size: number, bytes: Bytes): Content {
  return { size, bytes: () => bytes, [Symbol.asyncDispose]: () => answer.drain() };
}

function partSize(answer: ApiAnswer, descriptor: Descriptor, range: Range): number {
  const part = parseContentRange(answer.headers["content-range"]);
  if (part?.start === range.start && (range.end === undefined || part.end <= range.end))
    return part.size ?? descriptor.size;
  throw new OciError("PROTOCOL", `${answer.url.host} answered with a range other than the one asked for`, {
    digest: descriptor.digest,
  });
}

/** The range of a whole that came although a part was asked for. */
async function* cut(bytes: Bytes, range: Range): Bytes {
  const last = range.end ?? Number.POSITIVE_INFINITY;
  let at = 0;
  for await (const chunk of bytes) {
    const part = chunk.subarray(Math.max(0, range.start - at), Math.max(0, last + 1 - at));
    at += chunk.length;
    if (part.length > 0) yield part;
    if (at > last) return;
  }
}
