import type { FileHandle } from "node:fs/promises";
import type { Bytes } from "../bytes/bytes.ts";

/** Inclusive byte positions, as in RFC 9110 section 14. */
export interface Range {
  readonly start: number;
  /** Last byte; up to the end when absent. */
  readonly end?: number;
}

/**
 * Raw content, open: not verified. Dispose it when done, read or not.
 * `size` is that of the whole content, whatever range was asked for.
 */
export interface Content extends AsyncDisposable {
  readonly size: number;
  /**
   * The bytes of the range asked for, once. `lent`: a chunk stays as it is only until two further
   * ones have been asked for, so that a source may use its buffers again.
   */
  bytes(options?: { readonly lent?: boolean }): Bytes;
  /** Set where the bytes lie in one piece in a file, so that a server can send it without copying; `offset` is where byte 0 of the whole content lies. */
  readonly file?: { readonly handle: FileHandle; readonly offset: number };
}

/** Content that can be opened again, from an offset, so that a retry or a resumed upload can go on. */
export type ContentSource = (options?: { readonly offset?: number }) => Bytes;

export interface Signal {
  readonly signal?: AbortSignal;
}
