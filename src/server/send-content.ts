import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import type { ServerResponse as NodeResponse } from "node:http";
import { OciError } from "../error/oci-error.ts";
import type { ContentBody } from "./message.ts";

/** Bytes read at a time: large chunks keep up with sendfile, small ones do not. */
const CHUNK = 512 * 1024;
/** Transfers with buffers of that size; in a crowd of more, each has small ones. */
const MOST_LARGE = 64;
const CROWD_CHUNK = 32 * 1024;
/** Pairs of buffers kept for the next transfer. */
const KEPT_PAIRS = 3;

/** What has been handed to the connection so far. */
export interface Sent {
  bytes: number;
}

export interface SendOptions {
  readonly signal: AbortSignal;
  readonly sent: Sent;
}

type Pair = readonly [Buffer, Buffer];
const kept: Pair[] = [];
let large = 0;

/** Sends content with constant memory, as fast as the client takes it. Head and content-length are the caller's. */
export async function sendContent(response: NodeResponse, body: ContentBody, options: SendOptions): Promise<void> {
  const { content, start, length } = body;
  const { signal, sent } = options;
  if (length === 0) return;
  if (content.file) return sendFile(response, content.file.handle, content.file.offset + start, length, options);
  let left = length;
  for await (const chunk of content.bytes()) {
    if (chunk.length > left) throw changed();
    left -= chunk.length;
    sent.bytes += chunk.length;
    if (!response.write(chunk)) await once(response, "drain", { signal });
  }
  if (left > 0) throw changed();
}

/** Reads into one buffer while the other is on its way; a buffer is free again when its write has called back. */
async function sendFile(
  response: NodeResponse,
  handle: FileHandle,
  offset: number,
  length: number,
  options: SendOptions,
): Promise<void> {
  if (length <= CHUNK && large < MOST_LARGE) {
    await sendSmall(response, handle, offset, length);
    options.sent.bytes = length;
    return;
  }
  if (large >= MOST_LARGE) return sendThrough(response, handle, offset, length, pairOf(CROWD_CHUNK), options);
  large += 1;
  try {
    const pair = kept.pop() ?? pairOf(CHUNK);
    await sendThrough(response, handle, offset, length, pair, options);
    // Only here are both buffers certainly nobody's: after a failure the socket may still hold one.
    if (kept.length < KEPT_PAIRS) kept.push(pair);
  } finally {
    large -= 1;
  }
}

function pairOf(size: number): Pair {
  return [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)];
}

async function sendThrough(
  response: NodeResponse,
  handle: FileHandle,
  offset: number,
  length: number,
  pair: Pair,
  { signal, sent }: SendOptions,
): Promise<void> {
  const writes: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  for (let turn: 0 | 1 = 0; sent.bytes < length; turn = turn === 0 ? 1 : 0) {
    await writes[turn];
    signal.throwIfAborted();
    const buffer = pair[turn];
    const { bytesRead } = await handle.read(
      buffer,
      0,
      Math.min(buffer.length, length - sent.bytes),
      offset + sent.bytes,
    );
    if (bytesRead === 0) throw changed();
    sent.bytes += bytesRead;
    writes[turn] = write(response, buffer.subarray(0, bytesRead), signal);
    // Awaited above or below; until then a failure must not count as unhandled.
    writes[turn].catch(() => undefined);
  }
  await Promise.all(writes);
}

async function sendSmall(response: NodeResponse, handle: FileHandle, offset: number, length: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw changed();
    filled += bytesRead;
  }
  response.write(buffer);
}

/** Settles with the write's callback, or when the client is gone: node:http may forget a callback then. */
function write(response: NodeResponse, chunk: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    response.write(chunk, (error) => {
      signal.removeEventListener("abort", abort);
      if (error) reject(error);
      else resolve();
    });
  });
}

function changed(): OciError {
  return new OciError("CONTENT_DAMAGED", "The content changed its size while it was sent");
}
