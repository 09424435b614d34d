import { join } from "node:path";
import { hasMarker, makeLayout } from "../blobs/directory-marker.ts";
import { withLock } from "../disk/lock.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { ManifestReader } from "../names/index-json-facts.ts";
import { passIndex } from "../names/index-json-pass.ts";
import type { ChangedTag, ListingChange } from "../names/sql-follow.ts";
import type { Digest } from "../spec/digest.ts";
import { ChangeWriter, type FollowContext, type FollowedLayout, stampOf } from "./follow-context.ts";
import { manifestBytes, writeFallbacks } from "./follow-fallback.ts";
import { importIndex } from "./follow-import.ts";
import { type Listing, listingOf } from "./follow-listing.ts";
import { type CatalogChanges, CatalogPass } from "./follow-pass.ts";

/** Changes that one writing of index.json takes; the rest follow with the next one. */
const CHANGES = 20_000;
/** Milliseconds for which other processes may hold a layout's lock. */
const LOCK_TIMEOUT = 10_000;
/** Milliseconds after which a file that cannot be read is not taken for one that is just being written. */
const DAMAGED_AFTER = 10_000;
/** Milliseconds for which what was replaced is remembered. */
const REMEMBER_FOR = 3_600_000;

export interface ExportResult {
  /** Whether there was anything to write. */
  readonly written: boolean;
  /** There is more to write. */
  readonly more: boolean;
  /** Milliseconds that it took, without the wait for the lock. */
  readonly milliseconds: number;
}

/**
 * Writes what changed in the catalog to a layout's index.json, under the layout's lock. What others changed in it
 * is taken into the catalog before.
 * @throws OciError NAME_UNKNOWN, LOCKED, LAYOUT_INVALID, IO, NO_SPACE
 */
export async function exportIndex(
  context: FollowContext,
  layout: FollowedLayout,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const { disk } = context;
  const { path } = layout;
  if (!(await hasMarker(disk, path))) {
    throw new OciError("NAME_UNKNOWN", `There is no layout at ${JSON.stringify(path)} any more`);
  }
  await makeLayout(disk, path);
  const work = (): Promise<ExportResult> => new IndexExport(context, layout).run(signal);
  return await withLock(disk, join(path, ".berth", "lock"), work, { timeout: LOCK_TIMEOUT, signal });
}

class IndexExport {
  readonly #context: FollowContext;
  readonly #layout: FollowedLayout;
  readonly #reader: ManifestReader;

  constructor(context: FollowContext, layout: FollowedLayout) {
    this.#context = context;
    this.#layout = layout;
    this.#reader = new ManifestReader(manifestBytes(layout.blobs));
  }

  async run(signal: AbortSignal | undefined): Promise<ExportResult> {
    const started = performance.now();
    await this.#takeForeign(signal);
    const { names } = this.#layout;
    const tags = await names.changedTags(CHANGES);
    const listed = await names.changedListings(CHANGES);
    const written = tags.length > 0 || listed.length > 0;
    if (written) await this.#write(tags, listed, signal);
    const milliseconds = performance.now() - started;
    return { written, more: tags.length === CHANGES || listed.length === CHANGES, milliseconds };
  }

  async #takeForeign(signal: AbortSignal | undefined): Promise<void> {
    const { disk } = this.#context;
    const index = join(this.#layout.path, "index.json");
    const stat = await disk.lstat(index);
    if (stampOf(stat) === this.#layout.stamp) return;
    try {
      await importIndex(this.#context, this.#layout, { signal });
    } catch (error) {
      const age = Date.now() - Number((stat?.modifiedNs ?? 0n) / 1_000_000n);
      if (!isOciError(error, "LAYOUT_INVALID") || age < DAMAGED_AFTER) throw error;
      await this.#setAside(index, error);
      await importIndex(this.#context, this.#layout, { signal });
    }
  }

  /** The catalog knows what a damaged index.json said; whoever wrote more into it finds it beside. */
  async #setAside(index: string, cause: OciError): Promise<void> {
    const kept = join(this.#layout.path, ".berth", `index.json.damaged-${Date.now()}`);
    await this.#context.disk.rename(index, kept);
    this.#context.onEvent({
      type: "index-set-aside",
      repository: this.#layout.name,
      path: kept,
      reason: cause.message,
    });
  }

  async #write(
    tags: readonly ChangedTag[],
    listed: readonly ListingChange[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const touched = new Set<Digest>(listed.map(({ digest }) => digest));
    for (const { digest, exported } of tags) {
      if (digest) touched.add(digest);
      if (exported) touched.add(exported);
    }
    const listings = new Map<Digest, Listing>();
    for (const digest of touched) {
      signal?.throwIfAborted();
      listings.set(digest, await listingOf(this.#layout.names, digest, this.#reader));
    }
    const fallbacks = await writeFallbacks(this.#layout, listed);
    const changes: CatalogChanges = { tags, listings, fallbacks };
    await this.#announce(tags);
    const { stat } = await passIndex(this.#context.disk, this.#layout.path, new CatalogPass(changes));
    await this.#tell(changes, listed.at(-1)?.id, stampOf(stat));
  }

  /** A tag that goes, or goes back, before the catalog knows that index.json has it would look like one that others set. */
  async #announce(tags: readonly ChangedTag[]): Promise<void> {
    const { changes } = this.#layout;
    const writer = new ChangeWriter(this.#context, this.#layout);
    for (const { name, digest } of tags) if (digest) await writer.add(changes.announced(name, digest));
    await writer.flush();
  }

  /** Tells the catalog what index.json says now; the stamp last, so that it is read again unless all was told. */
  async #tell({ tags, fallbacks }: CatalogChanges, last: number | undefined, stamp: string): Promise<void> {
    const { changes } = this.#layout;
    const writer = new ChangeWriter(this.#context, this.#layout);
    const now = Date.now();
    for (const { name, digest, exported } of tags) {
      if (exported && exported !== digest) await writer.add(changes.superseded(name, exported, now));
      await writer.add(changes.sawTag(name, digest));
    }
    for (const [tag, target] of fallbacks) await writer.add(changes.fallback(tag, target?.digest));
    if (last !== undefined) await writer.add(changes.listed(last));
    await writer.add([
      ...changes.forgetAnnounced(),
      ...changes.forgetSuperseded(now - REMEMBER_FOR),
      ...changes.stamp(stamp),
    ]);
    await writer.flush();
  }
}
