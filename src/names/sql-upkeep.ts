import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { MediaType } from "../spec/media-type.ts";
import { digestTagSubject } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import { type Forgotten, forgetManifests } from "../store/forget.ts";
import type { ListedManifest, NamesUpkeep } from "../store/upkeep.ts";
import { SqlNames } from "./sql.ts";
import type { Catalog, SqlRow, SqlValue } from "./sql-database.ts";
import { digestKey, digestOfKey } from "./sql-digest.ts";

export const MANIFESTS = `
  SELECT digest, media_type, size FROM manifest WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?`;
export const LISTS = `
  SELECT tag, digest FROM fallback_index WHERE repository_id = ? AND tag > ? ORDER BY tag LIMIT ?`;
export const IS_MANIFEST = `SELECT 1 AS found FROM manifest WHERE repository_id = ? AND digest = ?`;

/** Rows read at a time. */
const ROWS = 1000;

/** The names of a repository in a catalog, as garbage collection sees them: every row of a manifest counts. */
export class SqlUpkeep implements NamesUpkeep {
  readonly #catalog: Pick<Catalog, "read" | "write" | "settle">;
  readonly #names: SqlNames;
  readonly #id: number;

  /** @param catalog one that remembers nothing: others write to it too */
  constructor(catalog: Catalog, id: number) {
    this.#catalog = catalog;
    this.#id = id;
    this.#names = new SqlNames(catalog, { id: () => id, ensure: async () => id });
  }

  async *manifests(options: Signal = {}): AsyncGenerator<ListedManifest, void, undefined> {
    for await (const row of this.#rows(MANIFESTS, "digest", new Uint8Array(), options)) {
      const digest = digestOfKey(row["digest"] as Uint8Array);
      yield { descriptor: { mediaType: String(row["media_type"]), digest, size: Number(row["size"]) } };
    }
    for await (const row of this.#rows(LISTS, "tag", "", options)) {
      const descriptor = {
        mediaType: MediaType.ImageIndex,
        digest: digestOfKey(row["digest"] as Uint8Array),
        size: 0,
      };
      const lists = digestTagSubject(String(row["tag"]));
      // It is as index.json names it; the catalog can do without.
      yield { descriptor, ...(lists === undefined ? { foreign: true } : { lists }) };
    }
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.#catalog.read.get(IS_MANIFEST, [this.#id, digestKey(digest)])) !== undefined;
  }

  async *tagged(options: Signal = {}): AsyncGenerator<Descriptor, void, undefined> {
    for await (const { descriptor } of this.#names.tags(options)) if (descriptor) yield descriptor;
  }

  async *referrers(subject: Descriptor, options: Signal = {}): AsyncGenerator<Descriptor, void, undefined> {
    for await (const { descriptor } of this.#names.referrers(subject, options)) yield descriptor;
  }

  async forget(manifests: readonly Forgotten[], options: Signal = {}): Promise<readonly Forgotten[]> {
    return await forgetManifests(this.#names, manifests, options);
  }

  /** Page by page by the last key, so that nothing is held open while the receiver works. */
  async *#rows(
    sql: string,
    column: string,
    start: SqlValue,
    { signal }: Signal,
  ): AsyncGenerator<SqlRow, void, undefined> {
    let after = start;
    for (;;) {
      signal?.throwIfAborted();
      const page = await this.#catalog.read.all(sql, [this.#id, after, ROWS]);
      yield* page;
      if (page.length < ROWS) return;
      after = page.at(-1)?.[column] ?? null;
    }
  }
}
