import type { Bytes } from "../bytes/bytes.ts";

/** One request of HTTP. */
export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream needs its `content-length` in the headers, or is sent in chunks. */
  readonly body?: Uint8Array | Bytes;
  readonly signal?: AbortSignal;
}

/** Whether a method only reads (RFC 9110 section 9.2.1). */
export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** One answer on the wire; its body has to be read, drained or destroyed. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case; several of one name joined by ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /**
   * The bytes, once. `lent`: a chunk is the receiver's until it asks for the second one after it.
   * @throws OciError NETWORK
   */
  bytes(options?: { readonly lent?: boolean }): Bytes;
  /** Reads a little of what is left, so that the connection can be used again, or closes it. */
  drain(): Promise<void>;
}
