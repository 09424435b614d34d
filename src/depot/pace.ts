import { setTimeout as sleep } from "node:timers/promises";

/** How many times as long as it works, work of low priority rests. */
const REST = 4;
/** Milliseconds of one rest at most. */
const LONGEST = 200;

/** Lets work that nobody waits for take a small part of the time, unless somebody does wait. */
export class Pace {
  readonly #signal: AbortSignal;
  #since: number = performance.now();
  #hurry: AbortController | undefined;
  #hurried = 0;

  /** @param signal ends all rests */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @throws the signal's reason once it is aborted */
  throwIfEnded(): void {
    this.#signal.throwIfAborted();
  }

  /** Rests in proportion to the work since the last rest, in milliseconds at least so many. */
  async rest(atLeast = 0): Promise<void> {
    if (this.#hurried === 0) await this.#sleep(Math.max(atLeast, (performance.now() - this.#since) * REST));
    this.#since = performance.now();
  }

  /** No rests while this runs, because somebody waits for it. */
  async hurry(work: () => Promise<void>): Promise<void> {
    this.#hurried += 1;
    this.#hurry?.abort();
    try {
      await work();
    } finally {
      this.#hurried -= 1;
    }
  }

  async #sleep(milliseconds: number): Promise<void> {
    const hurry = new AbortController();
    this.#hurry = hurry;
    const signal = AbortSignal.any([this.#signal, hurry.signal]);
    await sleep(Math.min(milliseconds, LONGEST), undefined, { signal, ref: false }).catch(() => {
      // Awake early: the caller looks at why.
    });
    this.#hurry = undefined;
  }
}
