import type { ContentUpkeep, NamesUpkeep, RepositoryUpkeep, Upkeep } from "../../src/store/upkeep.ts";

/** What a test does in place of, or around, some of a repository's methods. */
export interface Interception {
  readonly content?: (inner: RepositoryUpkeep) => Partial<ContentUpkeep>;
  readonly names?: (inner: RepositoryUpkeep) => Partial<NamesUpkeep>;
}

/** Puts a test's hands between garbage collection and the repositories, so that it can act at any moment. */
export function intercept(upkeep: Upkeep, { content, names }: Interception): Upkeep {
  return {
    async *repositories(options) {
      for await (const inner of upkeep.repositories(options)) {
        yield {
          name: inner.name,
          content: { ...methodsOf(inner.content), ...content?.(inner) },
          names: { ...namesOf(inner.names), ...names?.(inner) },
        };
      }
    },
    recall: (name) => upkeep.recall(name),
    record: (name, document) => upkeep.record(name, document),
    alone: (name, work, options) => upkeep.alone(name, work, options),
    [Symbol.asyncDispose]: () => upkeep[Symbol.asyncDispose](),
  };
}

function methodsOf(inner: ContentUpkeep): ContentUpkeep {
  return {
    blobs: (options) => inner.blobs(options),
    stat: (digest) => inner.stat(digest),
    entries: (options) => inner.entries(options),
    manifest: (digest, options) => inner.manifest(digest, options),
    trashed: (options) => inner.trashed(options),
    discard: (digest) => inner.discard(digest),
    restore: (digest) => inner.restore(digest),
    remove: (digest) => inner.remove(digest),
    expireUploads: (age, options) => inner.expireUploads(age, options),
    check: (digest, options) => inner.check(digest, options),
  };
}

function namesOf(inner: NamesUpkeep): NamesUpkeep {
  return {
    manifests: (options) => inner.manifests(options),
    has: (digest) => inner.has(digest),
    tagged: (options) => inner.tagged(options),
    referrers: (subject, options) => inner.referrers(subject, options),
    forget: (manifests, options) => inner.forget(manifests, options),
  };
}
