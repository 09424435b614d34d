import { setImmediate, setTimeout as sleep } from "node:timers/promises";

export interface ThrottleOptions {
  /** Steps a second; as many as there is time for when absent. */
  readonly rate?: number;
  readonly signal?: AbortSignal;
}

/** Steps between two looks at what else there is to do. */
const TURN = 256;

/** Keeps long work from taking all there is: it lets others have their turn, holds a rate, and ends when it is asked to. */
export class Throttle {
  readonly #rate: number;
  readonly #signal: AbortSignal | undefined;
  readonly #started = performance.now();
  #steps = 0;
  #next = 0;

  constructor(options: ThrottleOptions = {}) {
    this.#rate = options.rate ?? Number.POSITIVE_INFINITY;
    this.#signal = options.signal;
  }

  /** Called before a step; `size` is what it counts for. */
  async take(size = 1): Promise<void> {
    this.#steps += size;
    if (this.#steps < this.#next) return;
    // A slow rate is held within a second, a fast one within a turn.
    this.#next = this.#steps + Math.min(TURN, this.#rate);
    this.#signal?.throwIfAborted();
    const early = (this.#steps / this.#rate) * 1000 - (performance.now() - this.#started);
    if (early > 1) await sleep(early, undefined, this.#signal ? { signal: this.#signal } : {}).catch(() => undefined);
    else await setImmediate();
    this.#signal?.throwIfAborted();
  }
}
