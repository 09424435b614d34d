import { OciError } from "../error/oci-error.ts";
import { parseAnnotations, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { fallbackTag, parseDigestTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import {
  type Change,
  type Names,
  type Page,
  type Referrer,
  type ReferrersOptions,
  type Tag,
  taggedConflict,
} from "../store/names.ts";
import { type Guard, jobOf } from "./sql-changes.ts";
import type { Catalog, SqlReader, SqlRow, SqlValue } from "./sql-database.ts";
import { digestKey, digestOfKey, keyBefore } from "./sql-digest.ts";
import { MANIFEST, PARENTS, REFERRERS, REFERRERS_OF_TYPE, TAG, TAGS, TAGS_BETWEEN } from "./sql-queries.ts";

/** Rows read at a time: between two reads, others get their turn. */
const ROWS = 1000;
/** Rows read first where nobody says how many are wanted: a usual page, the one before it, and one to see whether more follow. */
const FIRST_ROWS = 102;

export interface SqlNamesOptions {
  /** The repository's id; undefined: nothing was pushed to it yet. */
  readonly id: () => number | undefined;
  /** Makes the repository where it is not there. Called before names are written. */
  readonly ensure: () => Promise<number>;
  /** Called after names have changed. */
  readonly onChange?: () => void;
}

/** The names of one repository in a catalog that holds many. */
export class SqlNames implements Names {
  readonly #catalog: Catalog;
  readonly #read: SqlReader;
  readonly #options: SqlNamesOptions;

  constructor(catalog: Catalog, options: SqlNamesOptions) {
    this.#catalog = catalog;
    this.#read = catalog.read;
    this.#options = options;
  }

  async get(tag: string): Promise<Descriptor | undefined> {
    return await this.#find(tag, async (id) => {
      const row = await this.#read.get(TAG, [id, tag]);
      return row && descriptorOf(row);
    });
  }

  async manifest(digest: Digest): Promise<Descriptor | undefined> {
    return await this.#find(digest, async (id) => {
      const row = await this.#read.get(MANIFEST, [id, digestKey(digest)]);
      return row && { mediaType: String(row["media_type"]), digest, size: Number(row["size"]) };
    });
  }

  /** @param name a tag or a digest; no tag has a digest's colon */
  async #find(name: string, read: (id: number) => Promise<Descriptor | undefined>): Promise<Descriptor | undefined> {
    const id = this.#options.id();
    if (id === undefined) return undefined;
    const { memory } = this.#catalog;
    if (memory === undefined) return await read(id);
    const known = memory.get(id, name);
    if (known) return known;
    const asOf = memory.cleared;
    const found = await read(id);
    if (found) memory.put(id, name, found, asOf);
    return found;
  }

  async *tags(options: Page = {}): AsyncGenerator<Tag, void, undefined> {
    const { after = "", limit = Number.POSITIVE_INFINITY, signal } = options;
    const pages = this.#pages(limit, signal, (last, rows) => [
      TAGS,
      (id) => [id, last === undefined ? after : String(last["name"]), rows],
    ]);
    for await (const row of pages) yield { name: String(row["name"]), descriptor: descriptorOf(row) };
  }

  async *referrers(subject: Descriptor, options: ReferrersOptions = {}): AsyncGenerator<Referrer, void, undefined> {
    const { artifactType, after, limit = Number.POSITIVE_INFINITY, signal } = options;
    const key = digestKey(subject.digest);
    const start = after === undefined ? new Uint8Array() : keyBefore(after);
    let left = limit;
    const pages = this.#pages(Number.POSITIVE_INFINITY, signal, (last, rows) => {
      const from = last === undefined ? start : keyAfter(last["digest"]);
      return artifactType === undefined
        ? [REFERRERS, (id) => [id, key, from, rows]]
        : [REFERRERS_OF_TYPE, (id) => [id, key, artifactType, from, rows]];
    });
    for await (const row of pages) {
      const descriptor = listedDescriptor(row);
      if (after !== undefined && descriptor.digest <= after) continue;
      if (left-- <= 0) return;
      yield { descriptor, via: "api" };
    }
    if (artifactType !== undefined) return;
    const prefix = fallbackTag(subject.digest);
    const digestTags = this.#pages(left, signal, (last, rows) => [
      TAGS_BETWEEN,
      (id) => [id, last === undefined ? `${prefix}.` : String(last["name"]), `${prefix}/`, rows],
    ]);
    for await (const row of digestTags) {
      const tag = String(row["name"]);
      if (parseDigestTag(tag)) yield { descriptor: descriptorOf(row), via: "digest-tag", tag };
    }
  }

  async *parents(child: Digest, { signal }: Signal = {}): AsyncGenerator<Descriptor, void, undefined> {
    const key = digestKey(child);
    const pages = this.#pages(Number.POSITIVE_INFINITY, signal, (last, rows) => [
      PARENTS,
      (id) => [id, key, last === undefined ? new Uint8Array() : (last["digest"] ?? null), rows],
    ]);
    for await (const row of pages) yield descriptorOf(row);
  }

  async update(changes: readonly Change[], options: Signal = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (changes.length === 0) return;
    const { guards, ...job } = jobOf(await this.#options.ensure(), changes);
    const outcome = await this.#catalog.write(job);
    if ("failedCheck" in outcome) throw refusal(guards[outcome.failedCheck], outcome.found);
    this.#options.onChange?.();
  }

  /** Reads page by page, so that nothing is held open while the receiver works. */
  async *#pages(
    limit: number,
    signal: AbortSignal | undefined,
    query: (last: SqlRow | undefined, rows: number) => readonly [string, (id: number) => readonly SqlValue[]],
  ): AsyncGenerator<SqlRow, void, undefined> {
    const id = this.#options.id();
    if (id === undefined) return;
    let left = limit;
    let most = Number.isFinite(limit) ? ROWS : FIRST_ROWS;
    let last: SqlRow | undefined;
    while (left > 0) {
      signal?.throwIfAborted();
      const rows = Math.min(left, most);
      most = ROWS;
      const [sql, values] = query(last, rows);
      const page = await this.#read.all(sql, values(id));
      yield* page;
      if (page.length < rows) return;
      left -= page.length;
      last = page.at(-1);
    }
  }
}

function descriptorOf(row: SqlRow): Descriptor {
  return {
    mediaType: String(row["media_type"]),
    digest: digestOfKey(row["digest"] as Uint8Array),
    size: Number(row["size"]),
  };
}

function listedDescriptor(row: SqlRow): Descriptor {
  const { artifact_type: artifactType, annotations } = row;
  return {
    ...descriptorOf(row),
    ...(typeof artifactType === "string" ? { artifactType } : {}),
    ...(typeof annotations === "string"
      ? { annotations: parseAnnotations(JSON.parse(annotations), "the catalog") }
      : {}),
  };
}

/** The first key that sorts after another. */
function keyAfter(key: SqlValue | undefined): Uint8Array {
  const bytes = key as Uint8Array;
  const next = new Uint8Array(bytes.length + 1);
  next.set(bytes);
  return next;
}

function refusal(guard: Guard | undefined, found: SqlValue): OciError {
  switch (guard?.about) {
    case "tag": {
      const { tag, expect } = guard.change;
      const current = found instanceof Uint8Array ? digestOfKey(found) : "nothing";
      return new OciError(
        "CONFLICT",
        `The tag ${JSON.stringify(tag)} is at ${current}, expected ${expect ?? "nothing"}`,
        { reference: tag },
      );
    }
    case "manifest": {
      const { tag, to } = guard.change;
      return new OciError(
        "MANIFEST_UNKNOWN",
        `Cannot name ${to?.digest} ${JSON.stringify(tag)}: it is no manifest here`,
        {
          reference: tag,
        },
      );
    }
    case "untagged":
      return taggedConflict(guard.change.manifest.digest, String(found));
    default:
      return new OciError("NAME_UNKNOWN", "The repository was removed meanwhile");
  }
}
