import type { IncomingMessage, ServerResponse as NodeResponse } from "node:http";
import { OciError } from "../error/oci-error.ts";
import type { Departures } from "./departures.ts";
import type { Handler } from "./handler.ts";
import { isContentBody, type ServerRequest, type ServerResponse } from "./message.ts";
import type { Pace, Paced } from "./pace.ts";
import { RequestBody } from "./request-body.ts";
import type { RouteKind } from "./route.ts";
import { sendContent, type Sent } from "./send-content.ts";
import type { UnsentBodies } from "./unsent-bodies.ts";

/** What is read of a body that nobody wanted, so that its sender gets to see the answer: bytes and milliseconds. */
const LINGER_BYTES = 16 * 1024 * 1024;
const LINGER_TIME = 2000;

export interface ExchangeResult {
  readonly route: RouteKind | undefined;
  readonly status: number;
  /** Bytes of the body that were handed to the connection. */
  readonly bytes: number;
  /** Bytes of the request's body that came, as far as anybody wanted them. */
  readonly received: number;
  readonly error: unknown;
}

export interface ExchangeOptions {
  readonly id: string;
  /** The client waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** The server is about to end: no further request on this connection. */
  readonly closing: () => boolean;
  readonly departures: Departures;
  readonly pace: Pace;
  readonly unsent: UnsentBodies;
}

/** One request and its answer over node:http. Never throws. */
export async function exchange(
  handler: Handler,
  incoming: IncomingMessage,
  outgoing: NodeResponse,
  options: ExchangeOptions,
): Promise<ExchangeResult> {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort(new OciError("INTERRUPTED", "The client is gone"));
  });
  const paced: Paced = { socket: incoming.socket, receiving: false };
  const state = { continued: !options.expectsContinue };
  const body = new RequestBody(incoming, {
    paced,
    onStart: () => {
      if (state.continued) return;
      state.continued = true;
      outgoing.writeContinue();
    },
  });
  options.pace.watch(paced);
  try {
    const response = await handler({
      method: incoming.method ?? "",
      target: incoming.url ?? "",
      headers: incoming.headers,
      body,
      release: free,
      signal: gone.signal,
    } satisfies ServerRequest);
    const sent: Sent = { bytes: 0 };
    const error = await send(response, incoming, outgoing, {
      id: options.id,
      signal: gone.signal,
      willing: state.continued,
      closing: options.closing,
      departures: options.departures,
      sent,
    });
    await options.unsent.sent(outgoing);
    const { route, status } = response;
    return { route, status, bytes: sent.bytes, received: body.received, error: error ?? response.error };
  } finally {
    options.pace.forget(paced);
  }
}

/** Smaller ones die with the next collection of young objects. */
const FREED_FROM = 16 * 1024;

/** Frees the memory of a chunk, if all of it is this chunk's: node:http makes a buffer for each. */
function free(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (chunk.length >= FREED_FROM && chunk.length === buffer.byteLength && buffer instanceof ArrayBuffer) {
    buffer.transfer(0);
  }
}

interface SendState {
  readonly id: string;
  readonly signal: AbortSignal;
  /** Whether the rest of an unread body is on its way at all. */
  readonly willing: boolean;
  readonly closing: () => boolean;
  readonly departures: Departures;
  readonly sent: Sent;
}

/** Returns what went wrong once the head was out; then the connection is cut, so that nobody takes a part for the whole. */
async function send(
  response: ServerResponse,
  incoming: IncomingMessage,
  outgoing: NodeResponse,
  { id, signal, willing, closing, departures, sent }: SendState,
): Promise<unknown> {
  const { status, headers, body } = response;
  try {
    // A client that is still sending has to learn at once that it is in vain; a file has to be read first anyway.
    if (incoming.complete && !isContentBody(body)) await departures.next();
    if (outgoing.destroyed) return undefined;
    const unread = !incoming.complete;
    outgoing.writeHead(status, headLines(headers, id, unread || closing()));
    if (isContentBody(body)) await sendContent(outgoing, body, { signal, sent });
    else sent.bytes = body?.length ?? 0;
    if (body && unread && !isContentBody(body)) outgoing.write(body);
    if (unread && willing) {
      outgoing.flushHeaders();
      await linger(incoming);
    }
    outgoing.end(isContentBody(body) || unread ? undefined : body);
    return undefined;
  } catch (error) {
    outgoing.destroy();
    return error;
  } finally {
    if (isContentBody(body)) await body.content[Symbol.asyncDispose]();
  }
}

/** Names and values in turn, as node:http takes them fastest. */
function headLines(headers: ServerResponse["headers"], id: string, last: boolean): (string | string[])[] {
  const lines: (string | string[])[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) lines.push(name, typeof value === "string" ? value : [...value]);
  }
  lines.push("x-request-id", id);
  if (last) lines.push("connection", "close");
  return lines;
}

/** A connection closed on unread bytes is reset, and the answer may be lost on the way with it. */
function linger(incoming: IncomingMessage): Promise<void> {
  if (incoming.destroyed || incoming.readableEnded) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = LINGER_BYTES;
  const timer = setTimeout(resolve, LINGER_TIME);
  incoming.on("data", (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) resolve();
  });
  incoming
    .once("end", resolve)
    .once("close", resolve)
    .once("error", () => resolve())
    // Whoever read a part of it has paused it.
    .resume();
  return promise.finally(() => {
    clearTimeout(timer);
    incoming.pause();
  });
}
