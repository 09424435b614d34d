import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlReader, SqlRow, SqlValue } from "./sql-database.ts";
import { makeTables, schemaVersion } from "./sql-schema.ts";

/** Statements kept prepared; more than there are texts in this program. */
const PREPARED = 256;

/**
 * WAL: readers and the writer do not wait for each other; FULL: a commit is on the disk before it is answered;
 * `fullfsync` says the same where the system's fsync does less.
 */
const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA cache_size = -8000;
  PRAGMA journal_size_limit = 67108864;
`;

/** A connection with its statements prepared once. */
export class SqlSession implements SqlReader {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws OciError UNSUPPORTED for a file of a later version, which stays as it is */
  constructor(path: string) {
    this.database = new DatabaseSync(path, { timeout: 5000 });
    try {
      const version = schemaVersion(this.database, path);
      this.database.exec(SETTINGS);
      if (version === 0) makeTables(this.database);
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  get(sql: string, values: readonly SqlValue[]): SqlRow | undefined {
    return this.prepare(sql).get(...values) as SqlRow | undefined;
  }

  all(sql: string, values: readonly SqlValue[]): readonly SqlRow[] {
    return this.prepare(sql).all(...values) as SqlRow[];
  }

  prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const fresh = this.database.prepare(sql);
    const [oldest] = this.#statements.keys();
    if (this.#statements.size >= PREPARED && oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(sql, fresh);
    return fresh;
  }

  close(): void {
    this.#statements.clear();
    this.database.close();
  }
}
