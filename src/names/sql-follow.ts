import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { SqlReader, SqlRow, SqlValue } from "./sql-database.ts";
import { digestKey, digestOfKey } from "./sql-digest.ts";
import { listedDescriptor } from "./sql-listed.ts";

const REPOSITORY = `SELECT id, index_stamp FROM repository WHERE name = ?`;
const REPOSITORIES = `SELECT id, name, index_stamp FROM repository WHERE id > ? ORDER BY id LIMIT ?`;
const BEHIND = `
  SELECT name FROM repository WHERE id IN (
    SELECT repository_id FROM listing_change
    UNION SELECT repository_id FROM tag WHERE digest IS DISTINCT FROM exported)`;
const CHANGED_TAGS = `
  SELECT t.name, t.digest, t.exported, m.media_type, m.size FROM tag t
  LEFT JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
  WHERE t.repository_id = ? AND t.digest IS DISTINCT FROM t.exported ORDER BY t.name LIMIT ?`;
const CHANGED_LISTINGS = `
  SELECT id, digest, subject FROM listing_change WHERE repository_id = ? ORDER BY id LIMIT ?`;
const TAG = `SELECT digest, exported FROM tag WHERE repository_id = ? AND name = ?`;
const EXPORTED_TAGS = `
  SELECT name FROM tag WHERE repository_id = ? AND name > ? AND exported IS NOT NULL ORDER BY name LIMIT ?`;
const SUPERSEDED = `SELECT at FROM superseded_tag WHERE repository_id = ? AND name = ? AND digest = ?`;
const MANIFEST = `
  SELECT digest, media_type, size, artifact_type, annotations, subject FROM manifest
  WHERE repository_id = ? AND digest = ?`;
const MANIFESTS = `
  SELECT digest, media_type, size, artifact_type, annotations, subject FROM manifest
  WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?`;
const UNNAMED = `
  SELECT digest, media_type, size, artifact_type, annotations, subject FROM manifest m
  WHERE repository_id = ? AND (subject IS NOT NULL OR (
    NOT EXISTS (SELECT 1 FROM tag t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
    AND NOT EXISTS (SELECT 1 FROM child c WHERE c.repository_id = m.repository_id AND c.child = m.digest)))
    AND digest > ? ORDER BY digest LIMIT ?`;
const REFERRERS = `
  SELECT digest, media_type, size, artifact_type, annotations, subject FROM manifest
  WHERE repository_id = ? AND subject = ? AND digest > ? ORDER BY digest LIMIT ?`;
const TAGGED = `SELECT 1 FROM tag WHERE repository_id = ? AND digest = ? LIMIT 1`;
const TAGS_OF = `SELECT name FROM tag WHERE repository_id = ? AND digest = ?`;
const PARENT = `SELECT 1 FROM child WHERE repository_id = ? AND child = ? LIMIT 1`;
const GOING = `
  SELECT 1 FROM listing_change WHERE repository_id = ? AND digest = ? AND went = 1
  AND NOT EXISTS (SELECT 1 FROM manifest WHERE repository_id = ? AND digest = ?) LIMIT 1`;
const LAST_LISTING = `SELECT id FROM listing_change WHERE repository_id = ? ORDER BY id DESC LIMIT 1`;
const LISTING_WAITS = `SELECT 1 FROM listing_change WHERE repository_id = ? AND digest = ? AND id <= ? LIMIT 1`;
const FALLBACK = `SELECT digest FROM fallback_index WHERE repository_id = ? AND tag = ?`;
const FALLBACKS = `
  SELECT tag, digest FROM fallback_index WHERE repository_id = ? AND tag > ? ORDER BY tag LIMIT ?`;

/** Rows read at a time. */
const ROWS = 1000;

/** A repository as the catalog knows it. */
export interface FollowedRepository {
  readonly id: number;
  readonly name: string;
  /** What index.json was when it was last read or written. */
  readonly stamp: string | undefined;
}

/** What the catalog says of a tag, and what index.json last said of it; null: nothing. */
export interface TagState {
  readonly digest: Digest | null;
  readonly exported: Digest | null;
}

/** A tag of which index.json says something else. */
export interface ChangedTag extends TagState {
  readonly name: string;
  /** Undefined: index.json has nothing to tell of it. */
  readonly target: Descriptor | undefined;
}

/** A manifest's listing that may have changed. */
export interface ListingChange {
  readonly id: number;
  readonly digest: Digest;
  readonly subject: Digest | undefined;
}

/** A manifest as the catalog knows it; as a listing of referrers shows it where it has a subject. */
export interface ManifestRow {
  readonly descriptor: Descriptor;
  readonly subject: Digest | undefined;
}

/** What following needs to read of one repository in the catalog. */
export class FollowedNames {
  readonly id: number;
  readonly #read: SqlReader;

  constructor(read: SqlReader, id: number) {
    this.#read = read;
    this.id = id;
  }

  /** Tags of which index.json says something else, the first ones. */
  async changedTags(limit: number): Promise<readonly ChangedTag[]> {
    const rows = await this.#read.all(CHANGED_TAGS, [this.id, limit]);
    return rows.map((row) => {
      const { digest, exported } = stateOf(row);
      const target = digest === null || row["media_type"] === null ? undefined : listedDescriptor(row);
      return { name: String(row["name"]), target, digest, exported };
    });
  }

  async changedListings(limit: number): Promise<readonly ListingChange[]> {
    const rows = await this.#read.all(CHANGED_LISTINGS, [this.id, limit]);
    return rows.map((row) => ({
      id: Number(row["id"]),
      digest: digestOfKey(row["digest"] as Uint8Array),
      subject: digestIn(row["subject"]) ?? undefined,
    }));
  }

  async tag(name: string): Promise<TagState | undefined> {
    const row = await this.#read.get(TAG, [this.id, name]);
    return row && stateOf(row);
  }

  /** Whether index.json said this of a tag since a time, in milliseconds, and was written over. */
  async isSuperseded(name: string, digest: Digest, since: number): Promise<boolean> {
    const row = await this.#read.get(SUPERSEDED, [this.id, name, digestKey(digest)]);
    return row !== undefined && Number(row["at"]) >= since;
  }

  async manifest(digest: Digest): Promise<ManifestRow | undefined> {
    const row = await this.#read.get(MANIFEST, [this.id, digestKey(digest)]);
    return row && manifestOf(row);
  }

  async isTagged(digest: Digest): Promise<boolean> {
    return (await this.#read.get(TAGGED, [this.id, digestKey(digest)])) !== undefined;
  }

  /** How many tags name a manifest; nobody is served meanwhile. */
  async tagCount(digest: Digest): Promise<number> {
    return (await this.#read.all(TAGS_OF, [this.id, digestKey(digest)])).length;
  }

  async hasParent(digest: Digest): Promise<boolean> {
    return (await this.#read.get(PARENT, [this.id, digestKey(digest)])) !== undefined;
  }

  /** Whether a manifest was deleted, and index.json has still to be told. */
  async isGoing(digest: Digest): Promise<boolean> {
    const key = digestKey(digest);
    return (await this.#read.get(GOING, [this.id, key, this.id, key])) !== undefined;
  }

  /** The last change of a listing of which index.json was not told; 0: none. */
  async lastListing(): Promise<number> {
    return Number((await this.#read.get(LAST_LISTING, [this.id]))?.["id"] ?? 0);
  }

  /** Whether index.json was not told of a manifest by a change of its listing up to this one. */
  async isWaiting(digest: Digest, last: number): Promise<boolean> {
    return (await this.#read.get(LISTING_WAITS, [this.id, digestKey(digest), last])) !== undefined;
  }

  async fallback(tag: string): Promise<Digest | undefined> {
    const row = await this.#read.get(FALLBACK, [this.id, tag]);
    return row && digestOfKey(row["digest"] as Uint8Array);
  }

  /** Tags that index.json is believed to tell of, in ASCII order. */
  async *exportedTags(): AsyncGenerator<string, void, undefined> {
    for await (const row of this.#pages(EXPORTED_TAGS, [this.id], "name", "")) yield String(row["name"]);
  }

  async *fallbacks(): AsyncGenerator<{ readonly tag: string; readonly digest: Digest }, void, undefined> {
    for await (const row of this.#pages(FALLBACKS, [this.id], "tag", "")) {
      yield { tag: String(row["tag"]), digest: digestOfKey(row["digest"] as Uint8Array) };
    }
  }

  async *manifests(): AsyncGenerator<ManifestRow, void, undefined> {
    for await (const row of this.#pages(MANIFESTS, [this.id], "digest", new Uint8Array())) yield manifestOf(row);
  }

  /** Manifests that index.json has to tell of by an entry without a name. */
  async *unnamed(): AsyncGenerator<ManifestRow, void, undefined> {
    for await (const row of this.#pages(UNNAMED, [this.id], "digest", new Uint8Array())) yield manifestOf(row);
  }

  async *referrers(subject: Digest): AsyncGenerator<ManifestRow, void, undefined> {
    const values = [this.id, digestKey(subject)];
    for await (const row of this.#pages(REFERRERS, values, "digest", new Uint8Array())) yield manifestOf(row);
  }

  async *#pages(
    sql: string,
    values: readonly SqlValue[],
    column: string,
    start: SqlValue,
  ): AsyncGenerator<SqlRow, void, undefined> {
    let after = start;
    for (;;) {
      const page = await this.#read.all(sql, [...values, after, ROWS]);
      yield* page;
      if (page.length < ROWS) return;
      after = page.at(-1)?.[column] ?? null;
    }
  }
}

export async function followedRepository(read: SqlReader, name: string): Promise<FollowedRepository | undefined> {
  const row = await read.get(REPOSITORY, [name]);
  return row && { id: Number(row["id"]), name, stamp: stampIn(row) };
}

/** All repositories of the catalog, in no particular order. */
export async function* followedRepositories(read: SqlReader): AsyncGenerator<FollowedRepository, void, undefined> {
  let last = 0;
  for (;;) {
    const page = await read.all(REPOSITORIES, [last, ROWS]);
    for (const row of page) yield { id: Number(row["id"]), name: String(row["name"]), stamp: stampIn(row) };
    if (page.length < ROWS) return;
    last = Number(page.at(-1)?.["id"]);
  }
}

/** The repositories whose index.json does not say yet what the catalog says. */
export async function repositoriesBehind(read: SqlReader): Promise<readonly string[]> {
  const rows = await read.all(BEHIND, []);
  return rows.map((row) => String(row["name"]));
}

function stampIn(row: SqlRow): string | undefined {
  const stamp = row["index_stamp"];
  return typeof stamp === "string" ? stamp : undefined;
}

function stateOf(row: SqlRow): TagState {
  return { digest: digestIn(row["digest"]), exported: digestIn(row["exported"]) };
}

function digestIn(value: SqlValue | undefined): Digest | null {
  return value instanceof Uint8Array ? digestOfKey(value) : null;
}

function manifestOf(row: SqlRow): ManifestRow {
  return { descriptor: listedDescriptor(row), subject: digestIn(row["subject"]) ?? undefined };
}
