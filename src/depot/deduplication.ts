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

/** A blob's file in one repository. */
interface Held {
  readonly repository: DepotRepository;
  readonly stat: EntryStat;
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
    const group = await this.#group(repository, digest);
    for (const each of group) {
      for (const better of group) {
        // Those from here on have fewer links.
        if (isSameFile(each.stat, better.stat)) break;
        const result = await this.#join(each, better, digest);
        if (result === "joined") break;
        if (result !== "repaired") continue;
        // The damaged file may have had other names; each is looked at again.
        this.add(repository, digest);
        return;
      }
    }
  }

  /** The files of a blob that may become one. In every group those with the most links come first, so that all go the same way. */
  async #group(repository: DepotRepository, digest: Digest): Promise<readonly Held[]> {
    const { repositories, open } = this.#options;
    const mine = await repository.blobs.lstat(digest);
    if (!isSharable(mine)) return [];
    const group: Held[] = [{ repository, stat: mine }];
    for (const { id, name } of await repositories.newestHolders(digest, NEIGHBOURS)) {
      if (id === repository.id) continue;
      const neighbour = await open(name);
      const stat = await neighbour.blobs.lstat(digest);
      if (stat === undefined) await repositories.release(digest, id);
      if (isSharable(stat) && stat.device === mine.device) group.push({ repository: neighbour, stat });
    }
    return group.toSorted(
      (left, right) => right.stat.links - left.stat.links || Number(left.stat.inode - right.stat.inode),
    );
  }

  /** Makes a file the same as another, if they prove equal; where one of them is damaged the other takes its place. */
  async #join(each: Held, better: Held, digest: Digest): Promise<"joined" | "repaired" | "apart"> {
    let isEqual: boolean | undefined;
    const compare = async (): Promise<boolean> => {
      isEqual = await isEqualBlob(digest, each.repository.blobs, better.repository.blobs, this.#pace);
      return isEqual;
    };
    if (await each.repository.blobs.unite(digest, better.repository.blobs, each.stat, compare)) return "joined";
    if (isEqual !== false) return "apart";
    const [eachWhole, betterWhole] = [await this.#isWhole(each, digest), await this.#isWhole(better, digest)];
    if (eachWhole === betterWhole) return "apart";
    const [whole, damaged] = eachWhole ? [each, better] : [better, each];
    const replace = (): Promise<boolean> => Promise.resolve(true);
    if (!(await damaged.repository.blobs.unite(digest, whole.repository.blobs, damaged.stat, replace))) return "apart";
    this.#options.onEvent({ type: "repaired", repository: damaged.repository.name, digest });
    return "repaired";
  }

  #isWhole({ repository }: Held, digest: Digest): Promise<boolean> {
    return isWholeBlob(digest, repository.blobs, this.#pace);
  }
}
