import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { Upload } from "../store/blobs.ts";
import { appendOptionsOf } from "./context.ts";
import { header, type ServerRequest } from "./message.ts";
import { parseChunkRange, type Part } from "./range.ts";

/** Whether a request brings a body. */
export function hasBody(request: ServerRequest): boolean {
  return header(request, "transfer-encoding") !== undefined || Number(header(request, "content-length") ?? 0) > 0;
}

/**
 * Appends the body of a request where its Content-Range says, or at the end when it says
 * nothing ("streaming", as the docker client does). A body that breaks off leaves what came.
 * @param most bytes that the upload may hold then
 * @throws OciError BLOB_UPLOAD_INVALID, RANGE_INVALID, LIMIT_EXCEEDED
 */
export async function appendChunk(upload: Upload, request: ServerRequest, most: number): Promise<void> {
  const range = chunkRange(request);
  if (range && range.start !== upload.offset) {
    throw new OciError("RANGE_INVALID", `The chunk starts at ${range.start}, the upload stands at ${upload.offset}`);
  }
  if (!hasBody(request)) {
    if (range) throw wrongLength(range, 0);
    return;
  }
  const bytes = range ? exactly(request.body, range) : request.body;
  const room = most - upload.offset;
  if (Number(header(request, "content-length") ?? 0) > room) throw tooLarge(most);
  const bounded = room === Number.POSITIVE_INFINITY ? bytes : within(bytes, room, most);
  await upload.append(bounded, upload.offset, appendOptionsOf(request));
}

function chunkRange(request: ServerRequest): Part | undefined {
  const text = header(request, "content-range");
  if (text === undefined) return undefined;
  const range = parseChunkRange(text);
  if (!range) {
    throw new OciError(
      "BLOB_UPLOAD_INVALID",
      `Invalid Content-Range ${JSON.stringify(text.slice(0, 80))}: expected start-end`,
    );
  }
  const length = header(request, "content-length");
  if (range.end < range.start) throw new OciError("RANGE_INVALID", "The chunk ends before it starts");
  if (length !== undefined && Number(length) !== range.end - range.start + 1) throw wrongLength(range, Number(length));
  return range;
}

async function* exactly(bytes: Bytes, range: Part): Bytes {
  const expected = range.end - range.start + 1;
  let came = 0;
  for await (const chunk of bytes) {
    came += chunk.length;
    if (came > expected) throw wrongLength(range, came);
    yield chunk;
  }
  if (came < expected) throw wrongLength(range, came);
}

async function* within(bytes: Bytes, room: number, most: number): Bytes {
  let came = 0;
  for await (const chunk of bytes) {
    came += chunk.length;
    if (came > room) throw tooLarge(most);
    yield chunk;
  }
}

function tooLarge(most: number): OciError {
  return new OciError("LIMIT_EXCEEDED", `A blob has at most ${most} bytes here`);
}

function wrongLength(range: Part, came: number): OciError {
  return new OciError(
    "RANGE_INVALID",
    `Content-Range ${range.start}-${range.end} does not fit a body of ${came} bytes`,
  );
}
