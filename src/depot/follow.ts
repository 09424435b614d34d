import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasMarker } from "../blobs/directory-marker.ts";
import { repositoryPath, requireOwnPath, walkRepositories } from "../blobs/directory-repositories.ts";
import type { Disk } from "../disk/disk.ts";
import { isOciError } from "../error/oci-error.ts";
import type { Catalog } from "../names/sql-database.ts";
import { followedRepository, repositoriesBehind } from "../names/sql-follow.ts";
import { stampOf } from "./follow-context.ts";
import type { FollowEvent } from "./follow-event.ts";
import { FollowState } from "./follow-state.ts";
import type { FollowAnswer, FollowTask } from "./follow-task.ts";
import type { FollowRunner } from "./follow-worker.ts";

export interface FollowerOptions {
  readonly disk: Disk;
  /** The depot's folder. */
  readonly root: string;
  readonly catalog: Catalog;
  readonly runner: FollowRunner;
  readonly onEvent: (event: FollowEvent) => void;
}

/** Milliseconds between two looks at one index.json, and between two writings of it, at least. */
const PAUSE = 1000;
/** How many times as long as it took a writing or reading is followed by a pause. */
const REST = 20;
/** Milliseconds in which writes that follow each other are gathered. */
const GATHER = 250;
/** Milliseconds that a request waits for what others wrote to be read. */
const PATIENCE = 3000;
/** Milliseconds after which what failed is tried again. */
const AGAIN = 10_000;
/** Milliseconds after which the catalog is asked what index.json has still to follow: others write to it as well. */
const SWEEP = 30_000;
/** Layouts taken in at the same time at the start. */
const TOGETHER = 16;
/** Repositories remembered that have nothing to do. */
const REMEMBERED = 10_000;

/**
 * Keeps each repository's index.json and the catalog together: what is pushed is written to index.json soon, what
 * other tools write there comes into the catalog.
 */
export class Follower implements AsyncDisposable {
  readonly #options: FollowerOptions;
  readonly #states = new Map<string, FollowState>();
  /** The last piece of work on each repository. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Repositories whose index.json may be written now, in order. */
  readonly #due = new Set<string>();
  #pumping = false;
  /** When the next writing may begin: together they take no more of a processor than one alone may. */
  #freeAt = 0;
  #sweeping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Takes in what changed while nobody followed. A layout that cannot be read is told and left out. */
  async start(): Promise<void> {
    const { disk, root, catalog } = this.#options;
    const running = new Set<Promise<unknown>>();
    const onUnreadable = (repository: string, error: unknown): void => {
      this.#options.onEvent({ type: "unreadable", repository, error });
    };
    for await (const name of walkRepositories(disk, root, { onUnreadable })) {
      const known = await followedRepository(catalog.read, name);
      if (known?.stamp !== undefined && known.stamp === (await this.#stamp(name))) continue;
      const work = this.#takeIn(name, true).then(
        () => void running.delete(work),
        (error: unknown) => {
          running.delete(work);
          this.#options.onEvent({ type: "unreadable", repository: name, error });
        },
      );
      running.add(work);
      if (running.size >= TOGETHER) await Promise.race(running);
    }
    await Promise.all(running);
    await this.#sweep();
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP).unref();
  }

  async #sweep(): Promise<void> {
    for (const name of await repositoriesBehind(this.#options.catalog.read)) this.wrote(name);
  }

  /**
   * Looks whether others changed a repository's index.json, once a second at most; with `now` at once.
   * @returns undefined when there is nothing to wait for
   */
  look(name: string, options: { readonly now?: boolean } = {}): Promise<void> | undefined {
    const state = this.#state(name);
    if (state.looking) return state.looking;
    const now = performance.now();
    if (state.isExporting || this.#closed || now < (options.now ? state.mayLookAt : state.nextLook)) return undefined;
    state.nextLook = now + PAUSE;
    state.looking = this.#look(name, state).finally(() => {
      state.looking = undefined;
    });
    return state.looking;
  }

  /**
   * Takes in a layout that the catalog has not read yet; false: there is none.
   * @throws OciError LAYOUT_INVALID, IO
   */
  async discover(name: string): Promise<boolean> {
    const { disk, root } = this.#options;
    if (!(await hasMarker(disk, await requireOwnPath(disk, root, name)))) return false;
    const state = this.#state(name);
    state.discovering ??= this.#takeIn(name, true).finally(() => {
      state.discovering = undefined;
    });
    await state.discovering;
    return true;
  }

  /** Names of a repository have changed in the catalog. */
  wrote(name: string): void {
    this.#schedule(name, this.#state(name));
  }

  /** Removes a repository: nothing else is done with it meanwhile, and nothing is known of it afterwards. */
  async forget(name: string, remove: () => Promise<void>): Promise<void> {
    await this.#inTurn(name, remove);
    this.#states.get(name)?.clear();
    this.#states.delete(name);
    this.#due.delete(name);
  }

  /** Resolves when every index.json says what the catalog says, those excepted that cannot be written. */
  async settle(): Promise<void> {
    const failed = new Set<string>();
    for (;;) {
      const behind = await repositoriesBehind(this.#options.catalog.read);
      const left = behind.filter((name) => !failed.has(name));
      if (left.length === 0) break;
      for (const name of left) if ((await this.#export(name)) === "failed") failed.add(name);
    }
    await Promise.allSettled(this.#turns.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeping);
    for (const state of this.#states.values()) state.clear();
    this.#due.clear();
    try {
      await this.settle();
    } finally {
      await this.#options.runner[Symbol.asyncDispose]();
    }
  }

  async #look(name: string, state: FollowState): Promise<void> {
    try {
      const known = await followedRepository(this.#options.catalog.read, name);
      if (known === undefined || (await this.#stamp(name)) === known.stamp) return;
      const work = this.#takeIn(name, false).then((cost) => {
        const end = performance.now();
        state.mayLookAt = end + REST * cost;
        state.nextLook = Math.max(end + PAUSE, state.mayLookAt);
      });
      await within(PATIENCE, work);
    } catch (error) {
      if (!isOciError(error)) throw error;
      state.mayLookAt = performance.now() + AGAIN;
      state.nextLook = state.mayLookAt;
      this.#options.onEvent({ type: "unreadable", repository: name, error });
    }
  }

  /** @returns milliseconds for which it kept a thread busy */
  async #takeIn(repository: string, add: boolean): Promise<number> {
    return (await this.#run({ type: "import", repository, add })).cost;
  }

  #schedule(name: string, state: FollowState): void {
    if (this.#closed || state.timer || this.#due.has(name)) return;
    const wait = Math.max(GATHER, state.nextExport - performance.now());
    state.timer = setTimeout(() => {
      state.timer = undefined;
      this.#due.add(name);
      void this.#pump();
    }, wait).unref();
  }

  /** Writes what is due, one after another. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    for (const name of this.#due) {
      await pause(this.#freeAt - performance.now());
      if (!this.#due.delete(name) || this.#closed) continue;
      const state = this.#state(name);
      if ((await this.#export(name)) !== "done") this.#schedule(name, state);
    }
    this.#pumping = false;
  }

  async #export(repository: string): Promise<"done" | "more" | "failed"> {
    const state = this.#state(repository);
    state.isExporting = true;
    try {
      const { more, cost } = await this.#run({ type: "export", repository });
      const end = performance.now();
      state.nextExport = end + Math.max(PAUSE, REST * cost);
      this.#freeAt = end + REST * cost;
      return more ? "more" : "done";
    } catch (error) {
      if (!isOciError(error)) throw error;
      state.nextExport = performance.now() + AGAIN;
      this.#options.onEvent({ type: "index-not-written", repository, error });
      return "failed";
    } finally {
      state.isExporting = false;
    }
  }

  /** Work on one repository is done in the order in which it was asked for. */
  async #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name);
    const turn = (async (): Promise<T> => {
      await before?.catch(() => undefined);
      return await work();
    })();
    this.#turns.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }

  #run(task: FollowTask): Promise<FollowAnswer> {
    return this.#inTurn(task.repository, () => this.#options.runner.run(task));
  }

  async #stamp(name: string): Promise<string> {
    const { disk, root } = this.#options;
    return stampOf(await disk.lstat(join(repositoryPath(root, name), "index.json")));
  }

  #state(name: string): FollowState {
    let state = this.#states.get(name);
    if (state === undefined) {
      state = new FollowState();
      for (const [other, { isIdle }] of this.#states) {
        if (this.#states.size < REMEMBERED) break;
        if (isIdle) this.#states.delete(other);
      }
      this.#states.set(name, state);
    }
    return state;
  }
}

/** Waits for some work, for so many milliseconds; it goes on behind. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  // What fails later is told by whoever looks next.
  work.catch(() => undefined);
  try {
    await Promise.race([work, pause(milliseconds, stop.signal)]);
  } finally {
    stop.abort();
  }
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (milliseconds <= 0) return;
  await sleep(milliseconds, undefined, { ref: false, ...(signal ? { signal } : {}) }).catch(() => undefined);
}
