import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Catalog, SqlStatement } from "./sql-database.ts";
import { digestKey } from "./sql-digest.ts";

/** A manifest that a layout holds. */
export interface ImportedManifest {
  /** Carries artifactType and annotations as a referrers listing shows them. */
  readonly descriptor: Descriptor;
  readonly children: readonly Digest[];
  readonly subject?: Descriptor;
}

/** A tag that a layout's index.json tells of. */
export interface ImportedTag {
  readonly name: string;
  readonly descriptor: Descriptor;
  /** JSON of its entry, where that says more than we would write. */
  readonly entry?: string;
}

const ADD_MANIFEST = `
  INSERT INTO manifest (repository_id, digest, media_type, size, artifact_type, annotations, subject, pushed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository_id, digest) DO NOTHING`;
const ADD_CHILD = `
  INSERT INTO child (repository_id, parent, child) VALUES (?, ?, ?) ON CONFLICT (repository_id, parent, child) DO NOTHING`;
const ADD_TAG = `
  INSERT INTO tag (repository_id, name, digest, exported, entry) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (repository_id, name) DO NOTHING`;
const ADD_HOLDING = `
  INSERT INTO holding (digest, repository_id) VALUES (?, ?) ON CONFLICT (digest, repository_id) DO NOTHING`;
const STAMP = `UPDATE repository SET index_stamp = ? WHERE id = ?`;

/** Statements of one job: enough to make a commit worth it, few enough to let others in between. */
const BATCH = 2000;

/** Writes what a layout holds into the catalog, in batches. */
export class SqlImport {
  readonly #catalog: Catalog;
  readonly #repository: number;
  readonly #now: number = Date.now();
  #statements: SqlStatement[] = [];

  constructor(catalog: Catalog, repository: number) {
    this.#catalog = catalog;
    this.#repository = repository;
  }

  async addManifest({ descriptor, children, subject }: ImportedManifest): Promise<void> {
    const key = digestKey(descriptor.digest);
    const { mediaType, size, artifactType, annotations } = descriptor;
    const listed = subject
      ? [
          artifactType ?? null,
          annotations === undefined ? null : JSON.stringify(annotations),
          digestKey(subject.digest),
        ]
      : [null, null, null];
    await this.#add({ sql: ADD_MANIFEST, values: [this.#repository, key, mediaType, size, ...listed, this.#now] });
    for (const child of children) {
      await this.#add({ sql: ADD_CHILD, values: [this.#repository, key, digestKey(child)] });
    }
  }

  async addTag({ name, descriptor, entry }: ImportedTag): Promise<void> {
    const key = digestKey(descriptor.digest);
    await this.#add({ sql: ADD_TAG, values: [this.#repository, name, key, key, entry ?? null] });
  }

  async addHolding(digest: Digest): Promise<void> {
    await this.#add({ sql: ADD_HOLDING, values: [digestKey(digest), this.#repository] });
  }

  /** Writes the rest, and that index.json was read to its end. */
  async finish(stamp = "read"): Promise<void> {
    await this.#add({ sql: STAMP, values: [stamp, this.#repository] });
    await this.#flush();
  }

  async #add(statement: SqlStatement): Promise<void> {
    this.#statements.push(statement);
    if (this.#statements.length >= BATCH) await this.#flush();
  }

  async #flush(): Promise<void> {
    const statements = this.#statements;
    this.#statements = [];
    if (statements.length > 0) await this.#catalog.write({ statements });
  }
}
