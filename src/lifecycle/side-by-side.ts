/** Runs work side by side, so much of it at a time. After a failure nothing more is begun. */
export class SideBySide {
  readonly #most: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when the work has begun. @throws what earlier work has failed with */
  async add(work: () => Promise<void>): Promise<void> {
    if (this.#running.size >= this.#most) await Promise.race(this.#running);
    this.#check();
    const each = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(each));
    this.#running.add(each);
  }

  /** Resolves when all of it has ended. @throws what it has failed with */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
