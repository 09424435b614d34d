import type { Descriptor } from "../spec/descriptor.ts";
import { type Change, isNameChange, type ManifestChange, type NameChange } from "../store/names.ts";
import type { SqlCheck, SqlJob, SqlStatement, SqlValue } from "./sql-database.ts";
import { digestKey } from "./sql-digest.ts";

const PUT_MANIFEST = `
  INSERT INTO manifest (repository_id, digest, media_type, size, artifact_type, annotations, subject, pushed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (repository_id, digest) DO UPDATE SET
    media_type = excluded.media_type, size = excluded.size, artifact_type = excluded.artifact_type,
    annotations = excluded.annotations, subject = excluded.subject, pushed_at = excluded.pushed_at`;
const PUT_CHILD = `
  INSERT INTO child (repository_id, parent, child) VALUES (?, ?, ?) ON CONFLICT (repository_id, parent, child) DO NOTHING`;
const PUT_TAG = `
  INSERT INTO tag (repository_id, name, digest) VALUES (?, ?, ?)
  ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest`;

const DROP_MANIFEST = `DELETE FROM manifest WHERE repository_id = ? AND digest = ?`;
const DROP_CHILDREN = `DELETE FROM child WHERE repository_id = ? AND parent = ?`;
/** A tag that index.json never told of is gone at once, any other when index.json has followed. */
const DROP_TAG = `DELETE FROM tag WHERE repository_id = ? AND name = ? AND exported IS NULL`;
const CLEAR_TAG = `UPDATE tag SET digest = NULL WHERE repository_id = ? AND name = ?`;
const DROP_TAGS_OF = `DELETE FROM tag WHERE repository_id = ? AND digest = ? AND exported IS NULL`;
const CLEAR_TAGS_OF = `UPDATE tag SET digest = NULL WHERE repository_id = ? AND digest = ?`;

const REPOSITORY_IS = `SELECT id FROM repository WHERE id = ?`;
const TAG_IS = `SELECT digest FROM tag WHERE repository_id = ? AND name = ?`;
const NAME_OF = `SELECT name FROM tag WHERE repository_id = ? AND digest = ? LIMIT 1`;
const MANIFEST_IS = `SELECT digest FROM manifest WHERE repository_id = ? AND digest = ?`;

/** What a check is about, so that its failure can be told. */
export type Guard =
  | { readonly about: "repository" }
  | { readonly about: "tag"; readonly change: NameChange }
  | { readonly about: "manifest"; readonly change: NameChange }
  | { readonly about: "untagged"; readonly change: ManifestChange };

/** A job, and what each of its checks is about. */
export interface ChangeJob extends SqlJob {
  readonly guards: readonly Guard[];
}

/** The statements of one batch of changes to a repository's names. */
export function jobOf(repository: number, changes: readonly Change[], now: number = Date.now()): ChangeJob {
  const checks: SqlCheck[] = [{ sql: REPOSITORY_IS, values: [repository], equals: repository }];
  const guards: Guard[] = [{ about: "repository" }];
  const arriving = new Set(
    changes.flatMap((each) => (isNameChange(each) || !each.present ? [] : each.manifest.digest)),
  );
  for (const change of changes) {
    if (!isNameChange(change)) {
      if (!change.unlessTagged) continue;
      checks.push({ sql: NAME_OF, values: [repository, digestKey(change.manifest.digest)], equals: null });
      guards.push({ about: "untagged", change });
      continue;
    }
    const { tag, to, expect } = change;
    if (expect !== undefined) {
      checks.push({ sql: TAG_IS, values: [repository, tag], equals: expect === null ? null : digestKey(expect) });
      guards.push({ about: "tag", change });
    }
    if (to && !arriving.has(to.digest)) {
      const key = digestKey(to.digest);
      checks.push({ sql: MANIFEST_IS, values: [repository, key], equals: key });
      guards.push({ about: "manifest", change });
    }
  }
  const statements = changes.flatMap((change) =>
    isNameChange(change) ? nameStatements(repository, change) : manifestStatements(repository, change, now),
  );
  return { checks, guards, statements };
}

function nameStatements(repository: number, { tag, to }: NameChange): readonly SqlStatement[] {
  if (to) return [{ sql: PUT_TAG, values: [repository, tag, digestKey(to.digest)] }];
  return [DROP_TAG, CLEAR_TAG].map((sql) => ({ sql, values: [repository, tag] }));
}

function manifestStatements(
  repository: number,
  { manifest, subject, children = [], present }: ManifestChange,
  now: number,
): readonly SqlStatement[] {
  const key = digestKey(manifest.digest);
  if (!present) {
    return [DROP_MANIFEST, DROP_CHILDREN, DROP_TAGS_OF, CLEAR_TAGS_OF].map((sql) => ({
      sql,
      values: [repository, key],
    }));
  }
  const listed = subject ? listedColumns(manifest, subject) : [null, null, null];
  return [
    { sql: PUT_MANIFEST, values: [repository, key, manifest.mediaType, manifest.size, ...listed, now] },
    ...children.map((child) => ({ sql: PUT_CHILD, values: [repository, key, digestKey(child)] })),
  ];
}

function listedColumns({ artifactType, annotations }: Descriptor, subject: Descriptor): readonly SqlValue[] {
  return [
    artifactType ?? null,
    annotations === undefined ? null : JSON.stringify(annotations),
    digestKey(subject.digest),
  ];
}
