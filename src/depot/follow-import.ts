import { hasMarker } from "../blobs/directory-marker.ts";
import { readManifest } from "../blobs/manifest.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { readIndex } from "../names/index-json-pass.ts";
import { subjectOf } from "../names/index-json-batch.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { type Digest, isDigest } from "../spec/digest.ts";
import { entryName, type LayoutEntry, tagOfName } from "../spec/layout-index.ts";
import { parseManifest } from "../spec/manifest.ts";
import { isIndexType } from "../spec/media-type.ts";
import { digestTagSubject, fallbackTag, parseDigestTag } from "../spec/referrer.ts";
import { ChangeWriter, type FollowContext, type FollowedLayout, stampWhenRead } from "./follow-context.ts";
import { ManifestImport } from "./follow-manifest.ts";
import { mergeTag, type TagVerdict } from "./follow-merge.ts";

/** What an import changed in the catalog. */
export interface ImportResult {
  readonly tagsAdded: number;
  readonly tagsMoved: number;
  readonly manifestsAdded: number;
  /** What tells this version of index.json from others. */
  readonly stamp: string;
  /** What index.json told of: everything else in the catalog is there alone. */
  readonly seen: SeenNames;
}

export interface ImportOptions {
  /** Nothing is done about what index.json does not tell of any more; whoever reads it next does. False by default. */
  readonly keepLost?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface SeenNames {
  readonly tags: { has(tag: string): boolean };
  /** Digests of entries without a name. */
  readonly unnamed: { has(digest: Digest): boolean };
  /** Tags that list referrers. */
  readonly fallbacks: { has(tag: string): boolean };
}

/** Milliseconds for which a tool without a lock may write back what it read before. */
const STALE_FOR = 3_600_000;
/** A stamp that no file has. */
const READ_IN_PART = "read in part";
/** Manifests read at the same time. */
const READERS = 8;

/**
 * Takes into the catalog what others changed in a layout's index.json since the catalog last read or wrote it.
 * Needs no lock: the file is read once, and what comes of a tag that moves meanwhile is decided by the catalog.
 * @throws OciError LAYOUT_INVALID, NAME_UNKNOWN, IO
 */
export async function importIndex(
  context: FollowContext,
  layout: FollowedLayout,
  options: ImportOptions = {},
): Promise<ImportResult> {
  if (!(await hasMarker(context.disk, layout.path))) {
    throw new OciError("NAME_UNKNOWN", `There is no layout at ${JSON.stringify(layout.path)} any more`);
  }
  return await new IndexImport(context, layout).run(options);
}

/** A tag that somebody else set. */
interface Candidate {
  readonly name: string;
  readonly ours: Digest | null;
  readonly theirs: Descriptor;
  readonly verdict: TagVerdict;
}

class IndexImport {
  readonly #context: FollowContext;
  readonly #layout: FollowedLayout;
  readonly #writer: ChangeWriter;
  readonly #manifests: ManifestImport;
  readonly #startedAt = Date.now();
  /** True: by an entry of exactly this name, which comes before full references that end in it. */
  readonly #tags = new Map<string, boolean>();
  readonly #unnamed = new Set<Digest>();
  readonly #fallbacks = new Set<string>();
  #candidates = new Map<string, Candidate>();
  /** Entries of this chunk whose manifests may be new. */
  #listed: { readonly descriptor: Descriptor; readonly claimed: Digest | undefined }[] = [];
  #tagsAdded = 0;
  #tagsMoved = 0;

  constructor(context: FollowContext, layout: FollowedLayout) {
    this.#context = context;
    this.#layout = layout;
    this.#writer = new ChangeWriter(context, layout);
    this.#manifests = new ManifestImport(layout, this.#writer);
  }

  async run({ keepLost = false, signal }: ImportOptions): Promise<ImportResult> {
    const chunks = readIndex(this.#context.disk, this.#layout.path);
    let next = await chunks.next();
    for (; !next.done; next = await chunks.next()) {
      signal?.throwIfAborted();
      for (const entry of next.value) await this.#entry(entry);
      await this.#take();
    }
    await this.#writer.flush();
    if (!keepLost) await this.#lost();
    if (this.#layout.stamp === undefined) await this.#hold(signal);
    const stamp = stampWhenRead(next.value, this.#startedAt);
    const { changes } = this.#layout;
    await this.#writer.add([...changes.forgetAnnounced(), ...changes.stamp(keepLost ? READ_IN_PART : stamp)]);
    await this.#writer.flush();
    return {
      tagsAdded: this.#tagsAdded,
      tagsMoved: this.#tagsMoved,
      manifestsAdded: this.#manifests.count,
      stamp,
      seen: { tags: this.#tags, unnamed: this.#unnamed, fallbacks: this.#fallbacks },
    };
  }

  /** Remembers where blobs lie that were there before the catalog, so that others can share them. */
  async #hold(signal: AbortSignal | undefined): Promise<void> {
    const { blobs, changes } = this.#layout;
    for await (const { digest } of blobs.list(signal ? { signal } : {})) await this.#writer.add(changes.holds(digest));
  }

  async #entry(entry: LayoutEntry): Promise<void> {
    const { descriptor } = entry;
    const name = entryName(entry);
    const tag = name === undefined ? undefined : tagOfName(name);
    if (tag === undefined) {
      this.#unnamed.add(descriptor.digest);
      const claimed = subjectOf(entry);
      this.#listed.push({ descriptor, claimed: claimed !== undefined && isDigest(claimed) ? claimed : undefined });
      return;
    }
    const isExact = name === tag;
    if (isExact && (await this.#isFallback(tag, descriptor))) return;
    if (!isExact && this.#tags.get(tag)) return;
    this.#tags.set(tag, isExact);
    await this.#tag(tag, descriptor);
  }

  async #tag(name: string, theirs: Descriptor): Promise<void> {
    const { names } = this.#layout;
    const { digest: ours = null, exported: base = null } = (await names.tag(name)) ?? {};
    this.#candidates.delete(name);
    let verdict = mergeTag({ ours, base, theirs: theirs.digest });
    if (verdict === "take" || verdict === "conflict") {
      const isStale = await names.isSuperseded(name, theirs.digest, this.#startedAt - STALE_FOR);
      verdict = mergeTag({ ours, base, theirs: theirs.digest, isStale });
    }
    // Nothing to do: the two agree already, or index.json has only to follow.
    if (base === theirs.digest) return;
    this.#candidates.set(name, { name, ours, theirs, verdict });
  }

  /** A list of referrers under a tag: its manifests say themselves whom they refer to. */
  async #isFallback(tag: string, descriptor: Descriptor): Promise<boolean> {
    if (!isIndexType(descriptor.mediaType) || parseDigestTag(tag)?.suffix !== "") return false;
    const { names, changes, blobs } = this.#layout;
    // Somebody pushed a tag of this name: it is his.
    if ((await names.tag(tag))?.digest) return false;
    this.#fallbacks.add(tag);
    const before = await names.fallback(tag);
    if (before === descriptor.digest) return true;
    const bytes = await readManifest(blobs, descriptor.digest);
    const subject = digestTagSubject(tag);
    for (const item of bytes ? listedIn(bytes, descriptor.mediaType) : []) {
      this.#listed.push({ descriptor: item, claimed: subject });
    }
    await this.#writer.add(changes.fallback(tag, descriptor.digest));
    // What we had listed there has to be listed again, where it is not any more.
    if (before !== undefined && subject !== undefined) {
      for await (const row of names.referrers(subject))
        await this.#writer.add(changes.relist(row.descriptor.digest, subject));
    }
    return true;
  }

  /** Takes what was gathered: manifests first, then the tags that name them. */
  async #take(): Promise<void> {
    const listed = this.#listed;
    const candidates = [...this.#candidates.values()];
    this.#listed = [];
    this.#candidates = new Map();
    await each(listed, async ({ descriptor, claimed }) => void (await this.#manifests.take(descriptor, claimed)));
    await each(candidates, async (candidate) => {
      const { verdict, theirs } = candidate;
      const isThere = verdict === "take" && (await this.#manifests.take(bareDescriptor(theirs))) !== "missing";
      await this.#decide(candidate, isThere);
    });
    // The next chunk may speak of the same tags.
    if (candidates.length > 0) await this.#writer.flush();
  }

  async #decide({ name, ours, theirs, verdict }: Candidate, isThere: boolean): Promise<void> {
    const { changes, name: repository } = this.#layout;
    if (isThere) {
      if (ours === null) this.#tagsAdded += 1;
      else this.#tagsMoved += 1;
      return await this.#writer.add(changes.takeTag(name, theirs.digest, ours));
    }
    // A new name for nothing: index.json may keep it.
    if (verdict === "take" && ours === null) return;
    if (verdict !== "same") {
      const reason = verdict === "stale" ? "stale" : "conflict";
      this.#context.onEvent({ type: "tag-kept", repository, tag: name, ours, theirs: theirs.digest, reason });
    }
    await this.#writer.add(changes.sawTag(name, theirs.digest));
  }

  /** What index.json had told of and tells of no more is written to it again. */
  async #lost(): Promise<void> {
    const { names, changes } = this.#layout;
    for await (const tag of names.exportedTags()) {
      if (!this.#tags.has(tag)) await this.#writer.add(changes.sawTag(tag, null));
    }
    const lists = new Set<string>();
    for await (const { tag } of names.fallbacks()) {
      if (this.#fallbacks.has(tag)) continue;
      lists.add(tag);
      await this.#writer.add(changes.fallback(tag, undefined));
    }
    for await (const { descriptor, subject } of names.unnamed()) {
      const isListed = this.#unnamed.has(descriptor.digest);
      if (isListed && !(subject && lists.has(fallbackTag(subject)))) continue;
      await this.#writer.add(changes.relist(descriptor.digest, subject));
    }
  }
}

/** What an index lists; nothing when it is none. */
function listedIn(bytes: Uint8Array, mediaType: string): readonly Descriptor[] {
  try {
    const index = parseManifest(bytes, mediaType);
    return index.form === "index" ? index.manifests : [];
  } catch (error) {
    if (isOciError(error)) return [];
    throw error;
  }
}

/** Does some work for each item, a few at the same time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const run = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(READERS, items.length) }, run));
}
