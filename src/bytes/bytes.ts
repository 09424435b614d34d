/** A stream of bytes; each chunk belongs to whoever receives it. */
export type Bytes = AsyncIterable<Uint8Array>;

/** The one chunk of a buffer. */
export async function* fromBuffer(buffer: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (buffer.length > 0) yield buffer;
}
