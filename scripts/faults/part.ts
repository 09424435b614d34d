import type { Table, Tally } from "./table.ts";

/** What a part of the run is given. */
export interface PartContext {
  /** Decides everything that is chosen by chance. */
  readonly seed: number;
  /** Points tried of each call and fault, at most; undefined: as many as the part thinks fit. */
  readonly points: number | undefined;
  /** What the disk fails under in the parts that try one operation after another; empty: all. */
  readonly operations: readonly string[];
  /** An empty directory of its own. */
  readonly base: string;
  /** Where everything that is tried is counted. */
  readonly table: Table;
  /** Something that does not hold; with the row that it belongs to. */
  violation(message: string, row?: Tally): void;
  say(line: string): void;
}

/** What a part did, in numbers; or why it could not be run here, and how it could. */
export type Outcome = { readonly counts: Readonly<Record<string, number>> } | { readonly skipped: string };

export interface Part {
  readonly name: string;
  readonly about: string;
  run(context: PartContext): Promise<Outcome>;
}
