/** Bytes of one write. What comes over a network comes in 64 KiB at most: a write for each cost more than the rest of a push. */
const SIZE = 512 * 1024;
/** Chunks from here on are written as they are: copying them would gain nothing. */
const LARGE = 256 * 1024;
/** Bytes of a stream that are written as they come; most are at their end by then. */
const FIRST = 256 * 1024;
/** Pairs of buffers in this process: a stream that finds none writes as it comes. */
const PAIRS = 6;

type Pair = readonly [Buffer, Buffer];

const idle: Pair[] = [];
let made = 0;

function borrow(): Pair | undefined {
  const pair = idle.pop();
  if (pair || made >= PAIRS) return pair;
  made += 1;
  return [Buffer.allocUnsafeSlow(SIZE), Buffer.allocUnsafeSlow(SIZE)];
}

/** Gathers small chunks into large writes: one buffer is filled while the other is being written. */
export class Gatherer implements AsyncDisposable {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  /** A piece was not written: nothing that follows may take its place. */
  #broken = false;
  #pair: Pair | undefined;
  #turn: 0 | 1 = 0;
  #filled = 0;
  #direct = 0;
  #writing: Promise<void> | undefined;

  /** @param write is called for one piece after the other, in order */
  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = async (bytes) => {
      if (this.#broken) return;
      try {
        await write(bytes);
      } catch (error) {
        this.#broken = true;
        throw error;
      }
    };
  }

  /** Takes a chunk, which is the caller's again once this has settled; undefined: it is already. */
  take(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#filled === 0 && this.#passes(chunk)) return this.#pass(chunk);
    const pair = this.#pair;
    if (pair && chunk.length <= SIZE - this.#filled) {
      pair[this.#turn].set(chunk, this.#filled);
      this.#filled += chunk.length;
      return undefined;
    }
    return this.#takeInParts(chunk);
  }

  /** Resolves when all that was taken is written; after a failed write, nothing more is. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#settle();
  }

  /** Gives the buffers back; what was not flushed is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing?.catch(() => undefined);
    if (this.#pair) idle.push(this.#pair);
    this.#pair = undefined;
  }

  #passes(chunk: Uint8Array): boolean {
    if (chunk.length >= LARGE) return true;
    if (this.#pair) return false;
    if (this.#direct >= FIRST) this.#pair = borrow();
    return this.#pair === undefined;
  }

  async #pass(chunk: Uint8Array): Promise<void> {
    this.#direct += chunk.length;
    await this.#settle();
    await this.#write(chunk);
  }

  async #takeInParts(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#filled === SIZE) await this.#send();
      const part = chunk.subarray(at, at + SIZE - this.#filled);
      this.#pair?.[this.#turn].set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Begins to write what is gathered, once the other buffer is written. */
  async #send(): Promise<void> {
    await this.#settle();
    if (this.#filled === 0 || !this.#pair) return;
    const writing = this.#write(this.#pair[this.#turn].subarray(0, this.#filled));
    // Thrown by whoever waits for it; until then it must not count as unobserved.
    writing.catch(() => undefined);
    this.#writing = writing;
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#filled = 0;
  }

  async #settle(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    await writing;
  }
}
