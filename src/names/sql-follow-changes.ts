import type { Digest } from "../spec/digest.ts";
import type { Catalog, SqlCheck, SqlStatement } from "./sql-database.ts";
import { digestKey } from "./sql-digest.ts";

const TAKE_TAG = `
  INSERT INTO tag (repository_id, name, digest, exported) VALUES (?, ?, ?, ?)
  ON CONFLICT (repository_id, name) DO UPDATE SET
    digest = CASE WHEN tag.digest IS NOT DISTINCT FROM ? THEN excluded.digest ELSE tag.digest END,
    exported = excluded.exported`;
const SEEN_TAG = `
  INSERT INTO tag (repository_id, name, exported) VALUES (?, ?, ?)
  ON CONFLICT (repository_id, name) DO UPDATE SET exported = excluded.exported`;
const UNSEEN_TAG = `UPDATE tag SET exported = NULL WHERE repository_id = ? AND name = ?`;
const FORGET_TAG = `DELETE FROM tag WHERE repository_id = ? AND name = ? AND digest IS NULL AND exported IS NULL`;
const DROP_TAG = `DELETE FROM tag WHERE repository_id = ? AND name = ?`;
const SUPERSEDE = `
  INSERT INTO superseded_tag (repository_id, name, digest, at) VALUES (?, ?, ?, ?)
  ON CONFLICT (repository_id, name, digest) DO UPDATE SET at = excluded.at`;
const FORGET_ANNOUNCED = `DELETE FROM superseded_tag WHERE repository_id = ? AND at = ?`;
const FORGET_SUPERSEDED = `DELETE FROM superseded_tag WHERE at < ?`;
const LISTED = `DELETE FROM listing_change WHERE repository_id = ? AND id <= ?`;
const RELIST = `INSERT INTO listing_change (repository_id, digest, subject) VALUES (?, ?, ?)`;
const PUT_FALLBACK = `
  INSERT INTO fallback_index (repository_id, tag, digest) VALUES (?, ?, ?)
  ON CONFLICT (repository_id, tag) DO UPDATE SET digest = excluded.digest`;
const DROP_FALLBACK = `DELETE FROM fallback_index WHERE repository_id = ? AND tag = ?`;
const ADD_REPOSITORY = `INSERT INTO repository (name) VALUES (?) ON CONFLICT (name) DO NOTHING`;
const REPOSITORY_IS = `SELECT id FROM repository WHERE id = ?`;
const HOLDS = `
  INSERT INTO holding (digest, repository_id) VALUES (?, ?) ON CONFLICT (digest, repository_id) DO NOTHING`;
const STAMP = `UPDATE repository SET index_stamp = ? WHERE id = ?`;

/** A time that never passes. */
const ALWAYS = Number.MAX_SAFE_INTEGER;

/** The statements with which following tells the catalog what it did and saw in one repository. */
export class FollowChanges {
  readonly #id: number;

  constructor(id: number) {
    this.#id = id;
  }

  /** Holds as long as the repository was not removed. */
  get check(): SqlCheck {
    return { sql: REPOSITORY_IS, values: [this.#id], equals: this.#id };
  }

  /** A tag of index.json is taken over, unless the catalog's is not at `ours` any more. */
  takeTag(name: string, theirs: Digest, ours: Digest | null): readonly SqlStatement[] {
    const key = digestKey(theirs);
    return [{ sql: TAKE_TAG, values: [this.#id, name, key, key, ours === null ? null : digestKey(ours)] }];
  }

  /** What index.json says of a tag now; null: nothing. A deleted tag that it does not tell of is forgotten. */
  sawTag(name: string, theirs: Digest | null): readonly SqlStatement[] {
    if (theirs !== null) return [{ sql: SEEN_TAG, values: [this.#id, name, digestKey(theirs)] }];
    return [
      { sql: UNSEEN_TAG, values: [this.#id, name] },
      { sql: FORGET_TAG, values: [this.#id, name] },
    ];
  }

  /** Deletes a tag that index.json does not tell of. */
  dropTag(name: string): readonly SqlStatement[] {
    return [{ sql: DROP_TAG, values: [this.#id, name] }];
  }

  /** What index.json said of a tag until a time in milliseconds. */
  superseded(name: string, digest: Digest, at: number): readonly SqlStatement[] {
    return [{ sql: SUPERSEDE, values: [this.#id, name, digestKey(digest), at] }];
  }

  /**
   * What index.json is about to say of a tag: should nobody be left to tell that it says so, then it is our own word and
   * not another tool's, however the tag moves meanwhile.
   */
  announced(name: string, digest: Digest): readonly SqlStatement[] {
    return this.superseded(name, digest, ALWAYS);
  }

  /** All that was announced has been told, by `sawTag`. */
  forgetAnnounced(): readonly SqlStatement[] {
    return [{ sql: FORGET_ANNOUNCED, values: [this.#id, ALWAYS] }];
  }

  /** Forgets what was superseded before a time. */
  forgetSuperseded(before: number): readonly SqlStatement[] {
    return [{ sql: FORGET_SUPERSEDED, values: [before] }];
  }

  /** Every change of listings up to this one is in index.json. */
  listed(last: number): readonly SqlStatement[] {
    return [{ sql: LISTED, values: [this.#id, last] }];
  }

  /** A manifest's place in index.json has to be looked at again. */
  relist(digest: Digest, subject: Digest | undefined): readonly SqlStatement[] {
    return [{ sql: RELIST, values: [this.#id, digestKey(digest), subject ? digestKey(subject) : null] }];
  }

  /** The list that index.json names under a fallback tag; undefined: none. */
  fallback(tag: string, digest: Digest | undefined): readonly SqlStatement[] {
    if (digest === undefined) return [{ sql: DROP_FALLBACK, values: [this.#id, tag] }];
    return [{ sql: PUT_FALLBACK, values: [this.#id, tag, digestKey(digest)] }];
  }

  /** A blob lies here. */
  holds(digest: Digest): readonly SqlStatement[] {
    return [{ sql: HOLDS, values: [digestKey(digest), this.#id] }];
  }

  stamp(stamp: string | undefined): readonly SqlStatement[] {
    return [{ sql: STAMP, values: [stamp ?? null, this.#id] }];
  }
}

/** Makes a repository known to a catalog, unless it is. */
export async function addRepository(catalog: Pick<Catalog, "write">, name: string): Promise<void> {
  await catalog.write({ statements: [{ sql: ADD_REPOSITORY, values: [name] }] });
}
