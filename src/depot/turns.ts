/** Work on the same thing happens one after another, on different things at once. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = Promise.withResolvers<void>();
    const end = before.then(() => turn.promise);
    this.#last.set(key, end);
    try {
      await before;
      return await work();
    } finally {
      turn.resolve();
      if (this.#last.get(key) === end) this.#last.delete(key);
    }
  }
}
