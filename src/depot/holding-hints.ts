import { isOciError } from "../error/oci-error.ts";
import type { SqlRepositories } from "../names/sql-repositories.ts";
import type { Digest } from "../spec/digest.ts";

/** Milliseconds in which hints are gathered, so that a push does not pay for a commit of them. */
const GATHER = 100;
/** Hints of one commit. */
const MOST = 1000;

interface Hint {
  readonly digest: Digest;
  readonly repository: number;
}

/** Remembers where blobs came in, behind the answer. Losing a hint costs a link, nothing more. */
export class HoldingHints implements AsyncDisposable {
  readonly #repositories: SqlRepositories;
  #waiting: Hint[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(repositories: SqlRepositories) {
    this.#repositories = repositories;
  }

  add(digest: Digest, repository: number): void {
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
      await this.#repositories.hold(hints);
    } catch (error) {
      // A hint that could not be written is one that is not there.
      if (!isOciError(error)) throw error;
    }
  }
}
