import type { Bytes } from "./bytes.ts";

/** Drops the first `offset` bytes of a stream. */
export async function* skip(bytes: Bytes, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = offset;
  for await (const chunk of bytes) {
    if (left >= chunk.length) {
      left -= chunk.length;
      continue;
    }
    yield left > 0 ? chunk.subarray(left) : chunk;
    left = 0;
  }
}
