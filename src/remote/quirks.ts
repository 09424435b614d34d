/** What is found out about a host once and holds for all of its repositories. */
export class Quirks {
  /** Whether the host lists referrers itself; undefined: not known yet. */
  referrersApi: boolean | undefined;
  /** Whether the host honours If-Match on manifests; undefined: not known yet. */
  conditionalPut: boolean | undefined;
  readonly #turns = new Map<string, Promise<unknown>>();

  /** Runs tasks of one key one after the other: read-merge-write of a fallback tag inside this process. */
  async inTurn<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    const settled = mine.catch(() => undefined);
    this.#turns.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    }
  }
}
