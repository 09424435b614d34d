import { describeOpened, nameOf, type Opened } from "../open/opened.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isIndexType } from "../spec/media-type.ts";
import { parsePlatformText, type Platform } from "../spec/platform.ts";
import type { Source } from "../store/store.ts";
import type { Changed, LeftBehind } from "../transfer/convert.ts";
import type { Context } from "./context.ts";
import type { CopyValues } from "./copy-options.ts";
import { resolveManifest } from "./resolve.ts";
import { readTagFilter } from "./tag-filters.ts";

/** One manifest of a source, under the tag that it has there. */
interface Chosen {
  readonly descriptor: Descriptor;
  readonly tag?: string;
}

/** What of a source is copied. Disposing it removes what was made for it. */
export interface Selection extends AsyncDisposable {
  /** The source, with what is converted over it. */
  readonly source: Source;
  readonly chosen: readonly Chosen[];
  readonly without?: ReadonlySet<Digest>;
  readonly changes: readonly Changed[];
  readonly left: readonly LeftBehind[];
}

/** Finds the manifests that a copy starts from, and makes those that are to have other digests. */
export async function select(from: Opened, options: CopyValues, context: Context): Promise<Selection> {
  const found = options.allTags ? await everyTag(from, options, context) : [await oneManifest(from, options, context)];
  const wanted = options.platforms.map(parsePlatformText);
  const alone = wanted.length === 1 && options.sparse === undefined && options.allTags;
  const chosen = alone ? await eachPlatform(from.store, found, wanted, context) : found;
  const without = options.sparse === undefined ? undefined : await leftOut(from.store, found, wanted, context);
  const { toOci, toDocker, compress, sparse } = options;
  if (!toOci && !toDocker && compress === undefined && sparse !== "strip") {
    return {
      source: from.store,
      chosen,
      ...(without ? { without } : {}),
      changes: [],
      left: [],
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const { convert } = await import("../transfer/convert.ts");
  const converted = await convert({
    source: from.store,
    roots: chosen.map(({ descriptor }) => descriptor),
    ...(without ? { strip: without } : {}),
    ...(toOci ? { mediaTypes: "oci" } : toDocker ? { mediaTypes: "docker" } : {}),
    ...(compress === undefined ? {} : { compression: compress }),
    signal: context.signal,
  });
  return {
    source: converted.source,
    chosen: chosen.map((each, at) => ({ ...each, descriptor: converted.roots[at] ?? each.descriptor })),
    changes: converted.changes,
    left: options.referrers ? converted.left : [],
    [Symbol.asyncDispose]: () => converted[Symbol.asyncDispose](),
  };
}

async function oneManifest(from: Opened, options: CopyValues, context: Context): Promise<Chosen> {
  const platform = options.sparse === undefined ? options.platforms[0] : undefined;
  const descriptor = await resolveManifest(from, platform, context);
  if (from.tag !== undefined) return { descriptor, tag: from.tag };
  if (from.digest !== undefined) return { descriptor };
  const name = await nameOf(from, { signal: context.signal });
  return { descriptor, ...("tag" in name ? { tag: name.tag } : {}) };
}

/** Every tag with its descriptor; digest tags come along with what they speak of. */
async function everyTag(from: Opened, options: CopyValues, context: Context): Promise<readonly Chosen[]> {
  const { signal } = context;
  const filter = await readTagFilter(options);
  const { repositoryRoots } = await import("../content/repository-roots.ts");
  const found = await repositoryRoots(from.store, { filter, signal });
  if (found.length === 0 && (options.include.length > 0 || options.semver !== undefined)) {
    throw new OciError("MANIFEST_UNKNOWN", `No tag in ${describeOpened(from)} passes the filters`, {
      reference: describeOpened(from),
    });
  }
  return found.map(({ descriptor, tags: [tag] }) => ({ descriptor, ...(tag === undefined ? {} : { tag }) }));
}

async function eachPlatform(
  source: Source,
  found: readonly Chosen[],
  [wanted]: readonly Platform[],
  { signal }: Context,
): Promise<readonly Chosen[]> {
  if (!wanted) return found;
  const { selectPlatform } = await import("../graph/select.ts");
  const chosen: Chosen[] = [];
  for (const each of found) {
    chosen.push({ ...each, descriptor: await selectPlatform(source, each.descriptor, wanted, { signal }) });
  }
  return chosen;
}

/** Children of the indexes that stay behind; what is kept in one of them is kept. */
async function leftOut(
  source: Source,
  found: readonly Chosen[],
  wanted: readonly Platform[],
  { signal }: Context,
): Promise<ReadonlySet<Digest>> {
  const { choosePlatforms } = await import("../graph/platforms.ts");
  const without = new Set<Digest>();
  const kept = new Set<Digest>();
  for (const { descriptor } of found) {
    // Among many tags some are of one platform alone.
    if (found.length > 1 && !isIndexType(descriptor.mediaType)) continue;
    const choice = await choosePlatforms(source, descriptor, wanted, { signal });
    for (const digest of choice.without) without.add(digest);
    for (const { digest } of choice.kept) kept.add(digest);
  }
  return without.difference(kept);
}
