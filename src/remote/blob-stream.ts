import type { Bytes } from "../bytes/bytes.ts";
import { skip } from "../bytes/skip.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import type { ApiAnswer } from "./host.ts";
import { isPassing } from "./network-error.ts";
import { contentLength, type RepositoryApi } from "./repository-api.ts";
import { pause, pauseBefore } from "./retry.ts";

/** First and last byte and the whole size of a Content-Range. */
interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly size: number | undefined;
}

/** Reads `bytes a-b/size` (RFC 9110 section 14.4). */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/i.exec(header?.trim() ?? "");
  if (!match) return undefined;
  const [start, end] = [Number(match[1]), Number(match[2])];
  const size = match[3] === "*" ? undefined : Number(match[3]);
  const sound = start <= end && (size === undefined || end < size);
  return sound ? { start, end, size } : undefined;
}

export interface BlobStreamOptions extends Signal {
  /** A chunk is the receiver's until it asks for the second one after it. */
  readonly lent?: boolean;
}

/**
 * A blob's bytes from an offset. A connection that breaks in the middle is taken up again
 * with a Range; a server that ignores it is read from the start and what was had is dropped.
 * Not verified.
 * @throws OciError BLOB_UNKNOWN, SIZE_INVALID, PROTOCOL, NETWORK
 */
export async function* blobStream(
  api: RepositoryApi,
  descriptor: Descriptor,
  offset: number,
  { lent = false, ...options }: BlobStreamOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const policy = api.host.retryPolicy;
  let at = offset;
  let failures = 0;
  for (;;) {
    const before = at;
    // Its own retries are over when this throws.
    await using answer = await requestBlob(api, descriptor, at, options);
    try {
      for await (const chunk of bodyFrom(answer, descriptor, { at, lent })) {
        at += chunk.length;
        yield chunk;
      }
      if (at < descriptor.size) throw tooShort(descriptor, at);
      return;
    } catch (error) {
      failures = at > before ? 1 : failures + 1;
      if (!isPassing(error) || failures > policy.retries) throw error;
    }
    api.host.onEvent?.({ type: "resume", digest: descriptor.digest, offset: at });
    await pause(pauseBefore(failures, policy, undefined), options.signal);
  }
}

async function requestBlob(
  api: RepositoryApi,
  descriptor: Descriptor,
  at: number,
  options: Signal,
): Promise<ApiAnswer> {
  const answer = await api.send({
    method: "GET",
    url: api.path(`blobs/${descriptor.digest}`),
    ...(at > 0 ? { headers: { range: `bytes=${at}-` } } : {}),
    ...options,
  });
  if (answer.status === 200 || (answer.status === 206 && at > 0)) return answer;
  await using failed = answer;
  throw await api.error(failed, "Fetching the blob", "BLOB_UNKNOWN", { digest: descriptor.digest });
}

function bodyFrom(
  answer: ApiAnswer,
  descriptor: Descriptor,
  { at, lent }: { readonly at: number; readonly lent: boolean },
): Bytes {
  const length = contentLength(answer);
  if (answer.status === 200) {
    if (length !== undefined && length !== descriptor.size) {
      throw new OciError(
        "SIZE_INVALID",
        `${descriptor.digest} should have ${descriptor.size} bytes, ${answer.url.host} sends ${length}`,
        {
          digest: descriptor.digest,
        },
      );
    }
    return at === 0 ? answer.bytes({ lent }) : skip(answer.bytes({ lent }), at);
  }
  const range = parseContentRange(answer.headers["content-range"]);
  if (range?.start !== at || (range.size ?? descriptor.size) !== descriptor.size) {
    throw new OciError(
      "PROTOCOL",
      `${answer.url.host} answered with a range other than the one asked for, of ${descriptor.digest}`,
      {
        digest: descriptor.digest,
      },
    );
  }
  return answer.bytes({ lent });
}

function tooShort(descriptor: Descriptor, got: number): OciError {
  return new OciError("SIZE_INVALID", `${descriptor.digest} should have ${descriptor.size} bytes, got ${got}`, {
    digest: descriptor.digest,
  });
}
