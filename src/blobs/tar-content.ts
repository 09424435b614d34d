import type { FileHandle } from "node:fs/promises";
import type { DiskFile } from "../disk/disk.ts";
import type { Content } from "../store/content.ts";
import { readSpan, type ReadSpanOptions, type Span } from "./file-span.ts";

/** A part of an archive, as {@link readSpan} reads it. */
export function readArchiveSpan(
  file: DiskFile,
  span: Span,
  options: Omit<ReadSpanOptions, "what"> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return readSpan(file, span, { ...options, what: "archive" });
}

/** One entry of an archive; the archive stays open when it is disposed. */
export class TarContent implements Content {
  readonly size: number;
  readonly file: { readonly handle: FileHandle; readonly offset: number };
  readonly #file: DiskFile;
  readonly #span: Span;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param entry where the content lies in the file
   * @param part the positions asked for, within the content
   */
  constructor(file: DiskFile, entry: Span, part: Span, signal?: AbortSignal) {
    this.size = entry.end - entry.start;
    this.file = { handle: file.handle, offset: entry.start };
    this.#file = file;
    this.#span = { start: entry.start + part.start, end: entry.start + part.end };
    this.#signal = signal;
  }

  bytes(options: { readonly lent?: boolean } = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return readArchiveSpan(this.#file, this.#span, { lent: options.lent, signal: this.#signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Others read the same file.
  }
}
