import type { Afterwards, Context } from "./context.ts";

/** What a command leaves to be finished once it succeeded: archives that are written in one step. */
export class Ending implements AsyncDisposable {
  readonly #works: Afterwards[] = [];

  add(work: Afterwards): void {
    this.#works.push(work);
  }

  /** Runs a command and finishes what it left; what it printed about that is only shown when it is true. */
  async run(command: () => Promise<void>, { out, signal }: Pick<Context, "out" | "signal">): Promise<void> {
    try {
      await command();
    } catch (error) {
      // It says why it failed; what it printed before that is its report.
      await out.release();
      throw error;
    }
    try {
      for (const work of this.#works) await work.finish(signal);
    } catch (error) {
      out.drop();
      throw error;
    }
    await out.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const work of this.#works.splice(0)) await work[Symbol.asyncDispose]();
  }
}
