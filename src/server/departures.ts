/** Answers at most that leave together: the first must not wait for too many others. */
const MOST = 32;

interface Batch extends PromiseWithResolvers<void> {
  size: number;
}

/**
 * Lets answers that are made in one turn of the event loop leave together, at its end. Each write that finds the other
 * side asleep has to wake it, be it a client on this machine or the host of a virtual one, and that takes
 * longer than the write itself; the writes that follow at once find it awake.
 */
export class Departures {
  #next: Batch | undefined;

  /** Resolves when it is time to write. */
  next(): Promise<void> {
    const batch = (this.#next ??= this.#gather());
    batch.size += 1;
    if (batch.size === MOST) this.#leave(batch);
    return batch.promise;
  }

  #gather(): Batch {
    const batch: Batch = { ...Promise.withResolvers<void>(), size: 0 };
    setImmediate(() => this.#leave(batch));
    return batch;
  }

  #leave(batch: Batch): void {
    if (this.#next === batch) this.#next = undefined;
    batch.resolve();
  }
}
