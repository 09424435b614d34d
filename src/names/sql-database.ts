import type { SqlMemory } from "./sql-memory.ts";

/** What a column holds. */
export type SqlValue = null | number | string | Uint8Array;

export type SqlRow = Readonly<Record<string, SqlValue>>;

/** One statement; the text has `?` for each value and is in the common subset of SQLite and PostgreSQL. */
export interface SqlStatement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** A query whose first column of the first row, null where there is none, has to be `equals`. */
export interface SqlCheck extends SqlStatement {
  readonly equals: SqlValue;
}

/** Statements that happen together or not at all, and only if every check holds before them. */
export interface SqlJob {
  readonly checks?: readonly SqlCheck[];
  readonly statements: readonly SqlStatement[];
}

/** The answer to a job: the rows that each statement returned (RETURNING), or the first check that did not hold. */
export type SqlOutcome =
  | { readonly rows: readonly (readonly SqlRow[])[] }
  | { readonly failedCheck: number; readonly found: SqlValue };

/** At once where the database is in this process. */
export type Soon<T> = T | Promise<T>;

/** Reads; each sees everything that was acknowledged before it. */
export interface SqlReader {
  get(sql: string, values: readonly SqlValue[]): Soon<SqlRow | undefined>;
  all(sql: string, values: readonly SqlValue[]): Soon<readonly SqlRow[]>;
}

/** The database that a depot keeps its names in. */
export interface Catalog extends AsyncDisposable {
  readonly read: SqlReader;
  /** Absent where others write to the database too. */
  readonly memory?: SqlMemory;
  /**
   * Applies a job, durably. Jobs are applied in the order in which they were given; those that wait at the same
   * time share one commit.
   * @throws OciError NO_SPACE, IO, CONTENT_DAMAGED
   */
  write(job: SqlJob): Promise<SqlOutcome>;
  /** Resolves when everything written so far has been answered. */
  settle(): Promise<void>;
}
