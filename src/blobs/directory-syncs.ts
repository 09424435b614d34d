import type { Disk } from "../disk/disk.ts";

interface Round {
  readonly running: Promise<void>;
  /** For those who came after the running one began: its outcome says nothing about their names. */
  next?: Promise<void>;
}

/** Makes directory entries durable, many waiting callers with one call. */
export class DirectorySyncs {
  readonly #disk: Disk;
  readonly #rounds = new Map<string, Round>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Resolves once a sync that began after this call has ended. */
  async sync(path: string): Promise<void> {
    const round = this.#rounds.get(path);
    if (round === undefined) return await this.#start(path);
    round.next ??= this.#after(round, path);
    return await round.next;
  }

  async #after(round: Round, path: string): Promise<void> {
    await round.running.catch(() => {
      // Told to those who waited for it.
    });
    return await this.#start(path);
  }

  #start(path: string): Promise<void> {
    const running = this.#disk.syncDirectory(path).finally(() => {
      if (this.#rounds.get(path)?.running === running) this.#rounds.delete(path);
    });
    this.#rounds.set(path, { running });
    return running;
  }
}
