/** Those who wait for one thing. */
interface Line {
  /** The end of the last work that was to be alone. */
  alone: Promise<void>;
  /** The ends of what shares the thing since then. */
  shared: Promise<void>[];
  users: number;
}

/** Orders work on the same thing: some of it at once, some of it alone. Work on different things is not ordered. */
export class Turns {
  readonly #lines = new Map<string, Line>();

  /** Runs work while nothing else runs with this key. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const line = this.#enter(key);
    const turn = Promise.withResolvers<void>();
    const before = Promise.all([line.alone, ...line.shared]);
    line.alone = before.then(() => turn.promise);
    line.shared = [];
    return await this.#run(key, line, before, turn, work);
  }

  /** Runs work while nothing runs alone with this key; others that share it may. */
  async share<T>(key: string, work: () => Promise<T>): Promise<T> {
    const line = this.#enter(key);
    const turn = Promise.withResolvers<void>();
    line.shared.push(turn.promise);
    return await this.#run(key, line, line.alone, turn, work);
  }

  #enter(key: string): Line {
    const line = this.#lines.get(key) ?? { alone: Promise.resolve(), shared: [], users: 0 };
    this.#lines.set(key, line);
    line.users += 1;
    return line;
  }

  async #run<T>(
    key: string,
    line: Line,
    before: Promise<unknown>,
    turn: PromiseWithResolvers<void>,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      await before;
      return await work();
    } finally {
      turn.resolve();
      line.shared = line.shared.filter((each) => each !== turn.promise);
      line.users -= 1;
      if (line.users === 0) this.#lines.delete(key);
    }
  }
}
