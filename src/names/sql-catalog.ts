import { isOciError } from "../error/oci-error.ts";
import type { Catalog, SqlJob, SqlOutcome, SqlReader, SqlRow, SqlValue } from "./sql-database.ts";
import { errorOfFailure, failureOf } from "./sql-error.ts";
import { SqlMemory } from "./sql-memory.ts";
import { SqlSession } from "./sql-session.ts";
import { SqlWriter } from "./sql-writer.ts";

/** Runs what asks the database; its failures become errors of ours. */
function asked<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw isOciError(error) ? error : errorOfFailure(failureOf(error), error);
  }
}

/** A catalog in a SQLite file: read on the calling thread, at once; written by a thread of its own. */
class SqliteCatalog implements Catalog {
  readonly read: SqlReader;
  readonly memory: SqlMemory = new SqlMemory();
  readonly #session: SqlSession;
  readonly #writer: SqlWriter;
  #closing: Promise<void> | undefined;

  constructor(session: SqlSession, path: string) {
    this.#session = session;
    this.#writer = new SqlWriter(path);
    this.read = {
      get: (sql: string, values: readonly SqlValue[]): SqlRow | undefined => asked(() => session.get(sql, values)),
      all: (sql: string, values: readonly SqlValue[]): readonly SqlRow[] => asked(() => session.all(sql, values)),
    };
  }

  write(job: SqlJob): Promise<SqlOutcome> {
    // Also of a write that failed: the thread may have ended between its commit and its answer.
    return this.#writer.write(job).finally(() => this.memory.clear());
  }

  settle(): Promise<void> {
    return this.#writer.settle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#writer[Symbol.asyncDispose]().finally(() => this.#session.close());
    return this.#closing;
  }
}

/**
 * Opens the catalog in a file, or makes it. Only one process may have it open.
 * @throws OciError UNSUPPORTED for a file of a later version, CONTENT_DAMAGED, IO, NO_SPACE
 */
export function openCatalog(path: string): Catalog {
  const session = asked(() => new SqlSession(path));
  asked(() => session.database.exec("PRAGMA query_only = ON"));
  return new SqliteCatalog(session, path);
}
