import { isOciError } from "../error/oci-error.ts";
import { ManifestReader } from "../graph/manifest-reader.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import { need } from "../store/need.ts";
import type { Store } from "../store/store.ts";
import { repositoryRoots } from "./repository-roots.ts";

export interface RemoveRepositoryOptions extends Signal {
  /** Only find out what would go. */
  readonly dryRun?: boolean;
}

/** What a repository held, and does not hold any more. */
export interface RemovedRepository {
  readonly tags: readonly string[];
  /** In the order they go: what is tagged first, then what it leads to. */
  readonly manifests: readonly Descriptor[];
}

/**
 * Removes every tag of a repository, and every manifest that the tags lead to: children of indexes, referrers,
 * theirs. What is tagged goes first, so that a break in between leaves nothing tagged that is incomplete.
 * Blobs stay, for garbage collection.
 * @throws OciError NAME_UNKNOWN, UNSUPPORTED
 */
export async function removeRepository(
  store: Store,
  options: RemoveRepositoryOptions = {},
): Promise<RemovedRepository> {
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const remove = need(store, "delete");
  const roots = await repositoryRoots(store, { digestTags: true, ...signal });
  const manifests = await reachable(
    store,
    roots.map(({ descriptor }) => descriptor),
    signal,
  );
  const tags = roots.flatMap((root) => root.tags);
  if (options.dryRun) return { tags, manifests };
  for (const manifest of manifests) {
    try {
      await remove(manifest, { kind: "manifest", ...signal });
    } catch (error) {
      // Gone with another one, or with somebody else's help.
      if (!isOciError(error, "MANIFEST_UNKNOWN")) throw error;
    }
  }
  return { tags, manifests };
}

/** The manifests themselves, then what they lead to, each once. */
async function reachable(store: Store, roots: readonly Descriptor[], signal: Signal): Promise<readonly Descriptor[]> {
  const reader = new ManifestReader(store);
  const found = new Map<Digest, Descriptor>();
  for (const root of roots) found.set(root.digest, root);
  // A map goes on with what is added while it is walked.
  for (const manifest of found.values()) {
    const add = (descriptor: Descriptor): void => {
      if (!found.has(descriptor.digest)) found.set(descriptor.digest, descriptor);
    };
    for await (const { descriptor } of store.referrers(manifest, signal)) add(descriptor);
    for (const descriptor of await children(reader, manifest, signal)) {
      if (await store.exists(descriptor, signal)) add(descriptor);
    }
  }
  return [...found.values()];
}

async function children(reader: ManifestReader, manifest: Descriptor, signal: Signal): Promise<readonly Descriptor[]> {
  try {
    const edges = await reader.edges(manifest, signal);
    return edges.filter(({ role }) => role === "child").map(({ descriptor }) => descriptor);
  } catch (error) {
    // Damaged or gone: there is nothing below it that could be known.
    if (isOciError(error, "MANIFEST_UNKNOWN") || (isOciError(error) && error.facts.exit === 5)) return [];
    throw error;
  }
}
