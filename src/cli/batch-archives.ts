import { archiveFile, Archives, type SharedArchives } from "../open/archives.ts";
import type { Signal } from "../store/content.ts";
import { readLocator } from "./connection.ts";
import type { Context } from "./context.ts";

/** A job's part in the archives of a batch. */
export interface JobArchives extends SharedArchives {
  /** Says that the job is through: what it was the last to need is written. Its failure is told by {@link BatchArchives.failure}. */
  end(options: Signal): Promise<void>;
}

/** What may be a locator of an archive, also behind `--option=`; a bare word never is. */
const ARCHIVE_WORD = /^(?:--[a-z-]+=)?((?:oci-archive:|\.{0,2}\/).+)$/;

/**
 * The archives that several jobs of a batch name. Each job brings its changes there when it succeeded, and those that come
 * later see them; the archive is written once, when no job is left that names it. Jobs that fail bring nothing.
 */
export class BatchArchives implements AsyncDisposable {
  readonly #archives = new Archives();
  /** Jobs that may still use an archive, by its path. */
  readonly #left: Map<string, number>;
  readonly #named: readonly ReadonlySet<string>[];
  readonly #failures = new Map<string, unknown>();
  readonly #onSettled: () => void;

  private constructor(named: readonly ReadonlySet<string>[], onSettled: () => void) {
    this.#named = named;
    this.#onSettled = onSettled;
    const counts = new Map<string, number>();
    for (const path of named.flatMap((paths) => [...paths])) counts.set(path, (counts.get(path) ?? 0) + 1);
    this.#left = new Map([...counts].filter(([, count]) => count > 1));
  }

  /**
   * @param words of each job
   * @param onSettled called when an archive was written, or could not be
   */
  static async of(
    words: readonly (readonly string[])[],
    onSettled: () => void,
    context: Context,
  ): Promise<BatchArchives> {
    const known = new Map<string, string | undefined>();
    const named: ReadonlySet<string>[] = [];
    for (const line of words) {
      const paths = new Set<string>();
      for (const word of line) {
        const written = ARCHIVE_WORD.exec(word)?.[1];
        if (written === undefined) continue;
        if (!known.has(written)) known.set(written, await archivePath(written, context));
        const path = known.get(written);
        if (path !== undefined) paths.add(path);
      }
      named.push(paths);
    }
    return new BatchArchives(named, onSettled);
  }

  /** @param at which job, in their order */
  forJob(at: number): JobArchives {
    const used = new Set([...(this.#named[at] ?? [])].filter((path) => this.#left.has(path)));
    return {
      archives: this.#archives,
      acquire: (path) => {
        const count = this.#left.get(path);
        if (count === undefined) return false;
        if (!used.has(path)) this.#left.set(path, count + 1);
        used.add(path);
        return true;
      },
      end: async (options) => {
        for (const path of used) {
          const count = (this.#left.get(path) ?? 1) - 1;
          this.#left.set(path, count);
          if (count === 0) await this.#settle(path, options);
        }
      },
    };
  }

  /** Writes what jobs left that were never begun. */
  async finish(options: Signal): Promise<void> {
    for (const path of this.#left.keys()) await this.#settle(path, options);
  }

  /** Whether an archive has what was brought to it. */
  isSettled(path: string): boolean {
    return !this.#left.has(path);
  }

  /** Why one of these could not be written. */
  failure(paths: ReadonlySet<string>): { readonly error: unknown } | undefined {
    const path = [...paths].find((each) => this.#failures.has(each));
    return path === undefined ? undefined : { error: this.#failures.get(path) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#archives[Symbol.asyncDispose]();
  }

  async #settle(path: string, options: Signal): Promise<void> {
    try {
      await this.#archives.settle(path, options);
    } catch (error) {
      this.#failures.set(path, error);
    }
    this.#left.delete(path);
    this.#onSettled();
  }
}

/** The file behind a word, if it is an archive's; what cannot be read is told by the job. */
async function archivePath(written: string, context: Context): Promise<string | undefined> {
  try {
    const locator = await readLocator(written, context);
    if (locator.medium !== "archive" || locator.path === "-") return undefined;
    return await archiveFile(locator, context.cwd);
  } catch {
    return undefined;
  }
}
