import type { DatabaseSync } from "node:sqlite";
import { OciError } from "../error/oci-error.ts";
import { FOLLOW_TABLES } from "./sql-follow-schema.ts";

/** The version of the tables below; a file of a later one is not touched. */
export const SCHEMA_VERSION = 1;

/**
 * Every digest is a key as in sql-digest.ts. A repository has a row once something was pushed to it; its id is never
 * given to another.
 */
const TABLES = `
  CREATE TABLE repository (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    -- What index.json was when it was last read or written; null: it was never read to its end.
    index_stamp TEXT
  );

  CREATE TABLE manifest (
    repository_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    -- These three as a listing of referrers shows them; null where there is no subject.
    artifact_type TEXT,
    annotations TEXT,
    subject BLOB,
    -- Milliseconds since 1970.
    pushed_at INTEGER NOT NULL,
    -- JSON of its untagged entry in index.json, where that says more than we would write.
    entry TEXT,
    PRIMARY KEY (repository_id, digest)
  ) WITHOUT ROWID;
  CREATE INDEX manifest_by_subject ON manifest (repository_id, subject, digest) WHERE subject IS NOT NULL;
  CREATE INDEX manifest_by_type ON manifest (repository_id, subject, artifact_type, digest) WHERE subject IS NOT NULL;

  CREATE TABLE child (
    repository_id INTEGER NOT NULL,
    parent BLOB NOT NULL,
    child BLOB NOT NULL,
    PRIMARY KEY (repository_id, parent, child)
  ) WITHOUT ROWID;
  CREATE INDEX child_by_child ON child (repository_id, child);

  CREATE TABLE tag (
    repository_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- Null: deleted, and index.json has not followed yet.
    digest BLOB,
    -- What index.json last said of it; null: nothing.
    exported BLOB,
    -- JSON of its entry in index.json, where that says more than we would write.
    entry TEXT,
    PRIMARY KEY (repository_id, name)
  ) WITHOUT ROWID;
  CREATE INDEX tag_by_digest ON tag (repository_id, digest) WHERE digest IS NOT NULL;
  CREATE INDEX tag_to_export ON tag (repository_id, name) WHERE digest IS DISTINCT FROM exported;

  -- Where a blob may lie as well: a hint, the file decides.
  CREATE TABLE holding (
    digest BLOB NOT NULL,
    repository_id INTEGER NOT NULL,
    PRIMARY KEY (digest, repository_id)
  ) WITHOUT ROWID;
  CREATE INDEX holding_by_repository ON holding (repository_id);
`;

/** Every table with rows of repositories, in the order in which a repository's go: what notes changes comes last. */
export const REPOSITORY_TABLES: readonly string[] = [
  "tag",
  "child",
  "manifest",
  "holding",
  "superseded_tag",
  "fallback_index",
  "listing_change",
];

/**
 * The version of a file's tables; 0 where there are none yet.
 * @throws OciError UNSUPPORTED for a later one than this program knows
 */
export function schemaVersion(database: DatabaseSync, path: string): number {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version <= SCHEMA_VERSION) return version;
  throw new OciError(
    "UNSUPPORTED",
    `The catalog ${JSON.stringify(path)} has the version ${version}, this berth knows ${SCHEMA_VERSION}`,
    { hint: "Serve it with the version of berth that wrote it, or a later one" },
  );
}

/** Makes the tables in a new file. */
export function makeTables(database: DatabaseSync): void {
  database.exec(`BEGIN IMMEDIATE; ${TABLES} ${FOLLOW_TABLES} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
}
