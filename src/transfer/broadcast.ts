import type { Bytes } from "../bytes/bytes.ts";

interface Reader {
  waiting: PromiseWithResolvers<IteratorResult<Uint8Array, undefined>> | undefined;
}

export interface BroadcastOptions {
  /** Opens the content; called once for all that read together, and once for each that comes late. */
  readonly open: () => Bytes;
  /** How many are going to read. */
  readonly readers: number;
  /** Milliseconds that the first reader waits for the others; who comes later reads alone. 2000 by default. */
  readonly patience?: number;
}

/**
 * One reading for several readers, chunk by chunk in step: the slowest gives the pace, and
 * nothing piles up. Chunks are shared, so nobody may write into them.
 */
export class Broadcast {
  readonly #open: () => Bytes;
  readonly #patience: number;
  readonly #readers = new Set<Reader>();
  #expected: number;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #reading = false;

  constructor({ open, readers, patience = 2000 }: BroadcastOptions) {
    this.#open = open;
    this.#expected = readers;
    this.#patience = patience;
  }

  /** One reader's bytes. It takes part from when it asks for the first chunk. */
  bytes(): Bytes {
    return { [Symbol.asyncIterator]: () => this.#reader() };
  }

  /** One of the expected readers is not going to read. */
  leave(): void {
    this.#expected -= 1;
    this.#step();
  }

  #reader(): AsyncIterator<Uint8Array, undefined> {
    let alone: AsyncIterator<Uint8Array> | undefined;
    let reader: Reader | undefined;
    return {
      next: async () => {
        if (!reader && !alone) {
          if (this.#started) alone = this.#open()[Symbol.asyncIterator]();
          else reader = this.#join();
        }
        return alone ? ((await alone.next()) as IteratorResult<Uint8Array, undefined>) : await this.#next(reader);
      },
      return: async () => {
        await alone?.return?.();
        if (reader) await this.#drop(reader);
        return { done: true, value: undefined };
      },
    };
  }

  #join(): Reader {
    const reader: Reader = { waiting: undefined };
    this.#readers.add(reader);
    this.#expected -= 1;
    this.#timer ??= setTimeout(() => {
      this.#expected = 0;
      this.#step();
    }, this.#patience);
    return reader;
  }

  #next(reader: Reader | undefined): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!reader || !this.#readers.has(reader)) return Promise.resolve({ done: true, value: undefined });
    reader.waiting = Promise.withResolvers();
    const { promise } = reader.waiting;
    this.#step();
    return promise;
  }

  async #drop(reader: Reader): Promise<void> {
    if (!this.#readers.delete(reader)) return;
    if (this.#readers.size > 0) return this.#step();
    clearTimeout(this.#timer);
    if (this.#started) await this.#iterator?.return?.();
  }

  /** Reads on once everybody has asked. */
  #step(): void {
    if (this.#reading || this.#readers.size === 0) return;
    if (!this.#started && this.#expected > 0) return;
    for (const { waiting } of this.#readers) if (!waiting) return;
    clearTimeout(this.#timer);
    this.#started = true;
    this.#reading = true;
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      this.#iterator ??= this.#open()[Symbol.asyncIterator]();
      const result = (await this.#iterator.next()) as IteratorResult<Uint8Array, undefined>;
      this.#give((waiting) => waiting.resolve(result), result.done === true);
    } catch (error) {
      this.#give((waiting) => waiting.reject(error), true);
    }
  }

  #give(hand: (waiting: NonNullable<Reader["waiting"]>) => void, last: boolean): void {
    this.#reading = false;
    for (const reader of this.#readers) {
      const { waiting } = reader;
      reader.waiting = undefined;
      if (waiting) hand(waiting);
    }
    if (last) this.#readers.clear();
  }
}
