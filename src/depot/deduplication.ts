import type { EntryStat } from "../disk/disk.ts";
import type { SqlRepositories } from "../names/sql-repositories.ts";
import type { Digest } from "../spec/digest.ts";
import { isEqualBlob, isWholeBlob } from "./compare-blobs.ts";
import { isSameFile, isSharable } from "./depot-blobs.ts";
import type { DepotRepository } from "./depot-repository.ts";
import type { DepotEvent } from "./event.ts";
import { Pace } from "./pace.ts";

/** Blobs that wait; those that come when so many do stay files of their own. */
const MOST = 10_000;
/** Neighbours looked at for one blob. */
const NEIGHBOURS = 16;
/** Milliseconds of rest before each blob: pushes come first. */
const REST = 20;

interface Waiting {
  readonly repository: DepotRepository;
  readonly digest: Digest;
}

export interface DeduplicationOptions {
  readonly repositories: SqlRepositories;
  readonly open: (name: string) => Promise<DepotRepository>;
  readonly onEvent: (event: DepotEvent) => void;
}

/**
 * Makes equal blobs of different repositories one file, behind the pushes that brought them. Whoever can read a
 * blob in a repository is not changed by it: only files that are there are replaced, each by its equal.
 */
export class Deduplication implements AsyncDisposable {
  readonly #options: DeduplicationOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #stop = new AbortController();
  readonly #pace: Pace = new Pace(this.#stop.signal);
  #running: Promise<void> | undefined;

  constructor(options: DeduplicationOptions) {
    this.#options = options;
  }

  add(repository: DepotRepository, digest: Digest): void {
    if (this.#waiting.size >= MOST || this.#stop.signal.aborted) return;
    this.#waiting.set(`${repository.name}@${digest}`, { repository, digest });
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits; it does not rest until then. */
  async settle(): Promise<void> {
    await this.#pace.hurry(async () => {
      while (this.#running) await this.#running;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** It never throws: a push that is answered does not fail any more, and a blob that stays a file of its own is none the worse. */
  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#pace.rest(REST);
      const [next] = this.#waiting;
      if (next === undefined) break;
      const [key, waiting] = next;
      this.#waiting.delete(key);
      await this.#deduplicate(waiting);
    }
    this.#running = undefined;
  }

  async #deduplicate({ repository, digest }: Waiting): Promise<void> {
    try {
      await this.#unite(repository, digest);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#options.onEvent({ type: "deduplication-failed", repository: repository.name, digest, error });
    }
  }

  async #unite(repository: DepotRepository, digest: Digest): Promise<void> {
    const mine = await repository.blobs.lstat(digest);
    if (!isSharable(mine)) return;
    for (const { id, name } of await this.#options.repositories.newestHolders(digest, NEIGHBOURS)) {
      if (id === repository.id) continue;
      const neighbour = await this.#options.open(name);
      const theirs = await neighbour.blobs.lstat(digest);
      if (theirs === undefined) await this.#options.repositories.release(digest, id);
      if (!isSharable(theirs) || theirs.device !== mine.device) continue;
      if (isSameFile(mine, theirs) || (await this.#join(repository, neighbour, digest, { mine, theirs }))) return;
    }
  }

  /** True: the two are one file now. */
  async #join(
    repository: DepotRepository,
    neighbour: DepotRepository,
    digest: Digest,
    { mine, theirs }: { readonly mine: EntryStat; readonly theirs: EntryStat },
  ): Promise<boolean> {
    let isEqual: boolean | undefined;
    const compare = async (): Promise<boolean> => {
      isEqual = await isEqualBlob(digest, repository.blobs, neighbour.blobs, this.#pace);
      return isEqual;
    };
    if (await repository.blobs.unite(digest, neighbour.blobs, mine, compare)) return true;
    if (isEqual !== false) return false;
    // They differ, so at least one of them is damaged: the other repairs it.
    if (!(await isWholeBlob(digest, repository.blobs, this.#pace))) return false;
    if (await isWholeBlob(digest, neighbour.blobs, this.#pace)) return false;
    if (!(await neighbour.blobs.unite(digest, repository.blobs, theirs, () => Promise.resolve(true)))) return false;
    this.#options.onEvent({ type: "repaired", repository: neighbour.name, digest });
    return true;
  }
}
