import type { Digest } from "../spec/digest.ts";
import type { Page } from "../store/names.ts";
import type { Catalog, SqlRow, SqlStatement } from "./sql-database.ts";
import { digestKey } from "./sql-digest.ts";
import { REPOSITORY_TABLES } from "./sql-schema.ts";

export const REPOSITORY = `SELECT id, index_stamp FROM repository WHERE name = ?`;
export const REPOSITORIES = `SELECT name FROM repository WHERE name >= ? AND name < ? ORDER BY name LIMIT ?`;
export const HOLDERS = `
  SELECT h.repository_id, r.name FROM holding h JOIN repository r ON r.id = h.repository_id
  WHERE h.digest = ? AND h.repository_id > ? ORDER BY h.repository_id LIMIT ?`;

export const NEWEST_HOLDERS = `
  SELECT h.repository_id, r.name FROM holding h JOIN repository r ON r.id = h.repository_id
  WHERE h.digest = ? ORDER BY h.repository_id DESC LIMIT ?`;

const PUT_REPOSITORY = `INSERT INTO repository (name, index_stamp) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`;
const PUT_HOLDING = `
  INSERT INTO holding (digest, repository_id) VALUES (?, ?) ON CONFLICT (digest, repository_id) DO NOTHING`;
const DROP_HOLDING = `DELETE FROM holding WHERE digest = ? AND repository_id = ?`;

/** Names read at a time. */
const ROWS = 1000;
/** Added to a name, sorts after it and before every longer one. */
const NEXT = "\u0001";
/** Added to a prefix, sorts after every name that begins with it. */
const LAST = "\u{10ffff}";

/** A repository as the catalog knows it. */
export interface RepositoryRow {
  readonly id: number;
  /** Its index.json was read to its end. */
  readonly isRead: boolean;
}

/** A repository that may hold a blob. */
export interface Holder {
  readonly id: number;
  readonly name: string;
}

/** The repositories of a catalog, and where it believes blobs to lie. */
export class SqlRepositories {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async find(name: string): Promise<RepositoryRow | undefined> {
    const row = await this.#catalog.read.get(REPOSITORY, [name]);
    return row && { id: Number(row["id"]), isRead: row["index_stamp"] !== null };
  }

  /**
   * Makes a repository, unless it is there, and gives its id.
   * @param stamp what its index.json is known to be; null: it has still to be read
   */
  async add(name: string, stamp: string | null = null): Promise<number> {
    const outcome = await this.#catalog.write({
      statements: [
        { sql: PUT_REPOSITORY, values: [name, stamp] },
        { sql: REPOSITORY, values: [name] },
      ],
    });
    return Number("rows" in outcome ? outcome.rows[1]?.[0]?.["id"] : undefined);
  }

  /** In ASCII order. */
  async *names(options: Page & { readonly prefix?: string } = {}): AsyncGenerator<string, void, undefined> {
    const { after = "", prefix = "", limit = Number.POSITIVE_INFINITY, signal } = options;
    let from = after < prefix ? prefix : `${after}${NEXT}`;
    let left = limit;
    while (left > 0) {
      signal?.throwIfAborted();
      const rows = Math.min(left, ROWS);
      const page = await this.#catalog.read.all(REPOSITORIES, [from, `${prefix}${LAST}`, rows]);
      for (const row of page) yield String(row["name"]);
      if (page.length < rows) return;
      left -= page.length;
      from = `${String(page.at(-1)?.["name"])}${NEXT}`;
    }
  }

  /** Forgets a repository and everything about it, at once. */
  async remove(name: string): Promise<void> {
    const row = await this.find(name);
    if (row === undefined) return;
    const { id } = row;
    await this.#catalog.write({
      statements: [
        ...REPOSITORY_TABLES.map((table): SqlStatement => ({
          sql: `DELETE FROM ${table} WHERE repository_id = ?`,
          values: [id],
        })),
        { sql: `DELETE FROM repository WHERE id = ?`, values: [id] },
      ],
    });
  }

  /** Where a blob may lie, the repositories that were made last first: their files have the fewest links. */
  async newestHolders(digest: Digest, limit: number): Promise<readonly Holder[]> {
    const rows = await this.#catalog.read.all(NEWEST_HOLDERS, [digestKey(digest), limit]);
    return rows.map(holderOf);
  }

  /** Where a blob may lie; the file decides. */
  async *holders(digest: Digest): AsyncGenerator<Holder, void, undefined> {
    const key = digestKey(digest);
    let last = 0;
    for (;;) {
      const page = await this.#catalog.read.all(HOLDERS, [key, last, ROWS]);
      for (const row of page) yield holderOf(row);
      if (page.length < ROWS) return;
      last = Number(page.at(-1)?.["repository_id"]);
    }
  }

  async hold(held: readonly { readonly digest: Digest; readonly repository: number }[]): Promise<void> {
    await this.#catalog.write({
      statements: held.map(({ digest, repository }) => ({ sql: PUT_HOLDING, values: [digestKey(digest), repository] })),
    });
  }

  async release(digest: Digest, repository: number): Promise<void> {
    await this.#catalog.write({ statements: [{ sql: DROP_HOLDING, values: [digestKey(digest), repository] }] });
  }
}

function holderOf(row: SqlRow): Holder {
  return { id: Number(row["repository_id"]), name: String(row["name"]) };
}
