/**
 * What has to be known so that index.json can follow the catalog (and the catalog index.json)
 * at the cost of what changed. The triggers see every way in which a manifest comes or goes.
 */
export const FOLLOW_TABLES: string = `
  -- Manifests whose place in index.json may have changed since it was last written; whoever wrote it removes what it read.
  CREATE TABLE listing_change (
    id INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    -- Whose list of referrers changes.
    subject BLOB,
    -- 1: the manifest was deleted.
    went INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX listing_change_by_repository ON listing_change (repository_id, id);

  -- The lists of referrers that index.json names under fallback tags: blobs that no manifest here leads to.
  CREATE TABLE fallback_index (
    repository_id INTEGER NOT NULL,
    tag TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (repository_id, tag)
  ) WITHOUT ROWID;

  -- What index.json said of tags before: a tool without a lock may bring it back by writing what it had read earlier.
  CREATE TABLE superseded_tag (
    repository_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    -- Milliseconds since 1970.
    at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name, digest)
  ) WITHOUT ROWID;
  CREATE INDEX superseded_tag_by_time ON superseded_tag (at);

  CREATE TRIGGER manifest_came AFTER INSERT ON manifest BEGIN
    INSERT INTO listing_change (repository_id, digest, subject) VALUES (NEW.repository_id, NEW.digest, NEW.subject);
  END;
  CREATE TRIGGER manifest_changed AFTER UPDATE ON manifest
    WHEN OLD.subject IS DISTINCT FROM NEW.subject OR OLD.media_type IS DISTINCT FROM NEW.media_type
      OR OLD.artifact_type IS DISTINCT FROM NEW.artifact_type OR OLD.annotations IS DISTINCT FROM NEW.annotations BEGIN
    INSERT INTO listing_change (repository_id, digest, subject) VALUES (OLD.repository_id, OLD.digest, OLD.subject);
    INSERT INTO listing_change (repository_id, digest, subject) VALUES (NEW.repository_id, NEW.digest, NEW.subject);
  END;
  CREATE TRIGGER manifest_went AFTER DELETE ON manifest BEGIN
    INSERT INTO listing_change (repository_id, digest, subject, went)
    VALUES (OLD.repository_id, OLD.digest, OLD.subject, 1);
  END;
  CREATE TRIGGER child_came AFTER INSERT ON child BEGIN
    INSERT INTO listing_change (repository_id, digest) VALUES (NEW.repository_id, NEW.child);
  END;
  CREATE TRIGGER child_went AFTER DELETE ON child BEGIN
    INSERT INTO listing_change (repository_id, digest) VALUES (OLD.repository_id, OLD.child);
  END;
`;
