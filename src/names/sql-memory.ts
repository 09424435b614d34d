import type { Descriptor } from "../spec/descriptor.ts";

/** Rows kept; about 4 MB. */
const MOST = 10_000;

/**
 * What was read of names since the last write, so that a name that everybody pulls is not looked up
 * anew each time: half of what such an answer costs. Only for a catalog that this process alone
 * writes to. All of it goes when a write was answered, before whoever asked for it learns of that:
 * a reader sees what was acknowledged, and never an older state than another reader before it.
 */
export class SqlMemory {
  readonly #rows = new Map<string, Descriptor>();
  #cleared = 0;

  /** How often it was cleared. */
  get cleared(): number {
    return this.#cleared;
  }

  get(repository: number, name: string): Descriptor | undefined {
    return this.#rows.get(`${repository}/${name}`);
  }

  /**
   * Only what is there: of names that are not, strangers can invent any number.
   * @param asOf `cleared` before it was read
   */
  put(repository: number, name: string, found: Descriptor, asOf: number): void {
    if (asOf !== this.#cleared) return;
    if (this.#rows.size >= MOST) this.#rows.clear();
    this.#rows.set(`${repository}/${name}`, found);
  }

  clear(): void {
    this.#cleared += 1;
    if (this.#rows.size > 0) this.#rows.clear();
  }
}
