import type { Bytes } from "../bytes/bytes.ts";
import type { Content } from "../store/content.ts";
import type { RouteKind } from "./route.ts";

/** Header fields by lower-case name. */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as it came off the wire; the handler parses the target once, before anything else. */
export interface ServerRequest {
  readonly method: string;
  /** The raw request target: path and query, still percent-encoded. */
  readonly target: string;
  readonly headers: HeaderFields;
  /** Read at most once. A body that breaks off throws. */
  readonly body: Bytes;
  /** Takes a chunk of the body back, when nobody needs it any more. */
  readonly release?: (chunk: Uint8Array) => void;
  /** Aborts when the client is gone. */
  readonly signal?: AbortSignal;
  /** Whoever sends it, as an authenticator found out; absent: anonymous. */
  readonly who?: string;
}

/** A part of opened content; whoever sends it disposes of the content. */
export interface ContentBody {
  readonly content: Content;
  /** First byte to send, within the whole content. */
  readonly start: number;
  /** How many bytes. */
  readonly length: number;
}

export interface ServerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | ContentBody;
  /** What was rendered, when the answer is an error; for logs, never sent. */
  readonly error?: unknown;
  /** What kind of thing was asked for; undefined where nothing answers. Never sent. */
  readonly route?: RouteKind | undefined;
}

/** One header field as text; several lines of it joined by commas (RFC 9110 section 5.3). */
export function header(request: Pick<ServerRequest, "headers">, name: string): string | undefined {
  const value = request.headers[name];
  return value === undefined || typeof value === "string" ? value : value.join(", ");
}

export function isContentBody(body: Uint8Array | ContentBody | undefined): body is ContentBody {
  return body !== undefined && "content" in body;
}
