import type { SkippableBytes } from "./block-reader.ts";

/** A file that is read at positions. */
export interface PositionedFile {
  /** Fills as much of the buffer as the file has; fewer bytes than asked mean its end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/** Bytes read at a time: a header and those of a few small neighbours. */
const CHUNK = 16 * 1024;

/**
 * A file's bytes for a reader that takes the headers of a tar and passes over the contents, which are never
 * read then.
 * @param size bytes of the file
 */
export function fileChunks(file: PositionedFile, size: number): SkippableBytes {
  let position = 0;
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    while (position < size) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size - position));
      const filled = await file.read(buffer, position);
      if (filled === 0) return;
      position += filled;
      yield buffer.subarray(0, filled);
    }
  }
  return {
    [Symbol.asyncIterator]: () => chunks(),
    skip(wanted) {
      const passed = Math.min(wanted, size - position);
      position += passed;
      return passed;
    },
  };
}
