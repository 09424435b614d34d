import type { DatabaseSync } from "node:sqlite";

/** Bytes: more than the journal grows to before SQLite copies it into the database and begins it again (1,000 pages). */
const SIZE = 5 * 1024 * 1024;
/** Pages in memory, so few that what is written goes to the journal at once. */
const PAGES = 16;

/**
 * Makes the journal as long as it gets, while there is room for it. It keeps its length until the catalog is closed
 * and is written over from its start, so that on a full disk things can still be deleted, which is what makes room
 * again. Where there is none already, nothing happens.
 */
export function reserveJournal(database: DatabaseSync): void {
  const { cache_size: before } = database.prepare("PRAGMA cache_size").get() ?? {};
  try {
    database.exec(`PRAGMA cache_size = ${PAGES}; BEGIN IMMEDIATE; CREATE TABLE reserve (bytes BLOB);`);
    // At random: a file system that compresses would keep no room for zeros.
    database.prepare("INSERT INTO reserve VALUES (randomblob(?))").run(SIZE);
  } catch {
    // Whatever the disk has to say will be said to whoever really writes.
  } finally {
    if (database.isTransaction) database.exec("ROLLBACK");
    database.exec(`PRAGMA cache_size = ${Number(before)}`);
  }
}
