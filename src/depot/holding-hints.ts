import type { SqlRepositories } from "../names/sql-repositories.ts";
import type { Digest } from "../spec/digest.ts";
import type { DepotRepository } from "./depot-repository.ts";

/** Milliseconds in which hints are gathered, so that a push does not pay for a commit of them. */
const GATHER = 100;
/** Hints of one commit. */
const MOST = 1000;

interface Hint {
  readonly digest: Digest;
  readonly repository: DepotRepository;
}

export interface HoldingHintsOptions {
  readonly repositories: SqlRepositories;
  /** Called when the catalog knows of it: of two blobs that come in at the same time, one finds the other then. */
  readonly onWritten: (repository: DepotRepository, digest: Digest) => void;
}

/** Remembers where blobs came in, behind the answer. Losing a hint costs a link, nothing more. */
export class HoldingHints implements AsyncDisposable {
  readonly #options: HoldingHintsOptions;
  #waiting: Hint[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: HoldingHintsOptions) {
    this.#options = options;
  }

  add(repository: DepotRepository, digest: Digest): void {
    this.#waiting.push({ digest, repository });
    if (this.#waiting.length >= MOST) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), GATHER).unref();
  }

  /** Writes what waits. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const hints = this.#waiting;
    this.#waiting = [];
    if (hints.length > 0) this.#writing = this.#writing.then(() => this.#write(hints));
    return this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  async #write(hints: readonly Hint[]): Promise<void> {
    try {
      const { repositories, onWritten } = this.#options;
      const held = hints.flatMap(({ digest, repository: { id } }) =>
        id === undefined ? [] : [{ digest, repository: id }],
      );
      await repositories.hold(held);
      for (const { repository, digest } of hints) onWritten(repository, digest);
    } catch {
      // A hint that could not be written is one that is not there.
    }
  }
}
