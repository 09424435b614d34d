import { isOciError } from "../error/oci-error.ts";
import type { Root } from "../graph/plan.ts";
import { parseDigestTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Tag } from "../store/names.ts";
import type { Source } from "../store/store.ts";

export interface RepositoryRootsOptions extends Signal {
  /** Which tags; all when absent. */
  readonly filter?: (tag: string) => boolean;
  /** Also tags that speak of a digest, which a copy takes along with what they speak of. False by default. */
  readonly digestTags?: boolean;
}

/** Tags resolved at a time, where a listing does not say what they point at. */
const TOGETHER = 16;

/**
 * Every tag of a repository with what it points at. A tag that goes away meanwhile is left out.
 * @throws OciError NAME_UNKNOWN
 */
export async function repositoryRoots(
  source: Pick<Source, "tags" | "resolve">,
  options: RepositoryRootsOptions = {},
): Promise<readonly Root[]> {
  const { filter, digestTags = false } = options;
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const roots: Root[] = [];
  let batch: Tag[] = [];
  const settle = async (): Promise<void> => {
    const found = await Promise.all(batch.map(async (tag) => toRoot(source, tag, signal)));
    roots.push(...found.filter((root) => root !== undefined));
    batch = [];
  };
  for await (const tag of source.tags(signal)) {
    if ((!digestTags && parseDigestTag(tag.name)) || filter?.(tag.name) === false) continue;
    batch.push(tag);
    if (batch.length === TOGETHER) await settle();
  }
  await settle();
  return roots;
}

async function toRoot(
  source: Pick<Source, "resolve">,
  { name, descriptor }: Tag,
  signal: Signal,
): Promise<Root | undefined> {
  try {
    return { descriptor: descriptor ?? (await source.resolve({ tag: name }, signal)), tags: [name] };
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN")) return undefined;
    throw error;
  }
}
