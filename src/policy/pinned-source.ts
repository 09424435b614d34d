import type { Digest } from "../spec/digest.ts";
import type { Referrer } from "../store/names.ts";
import type { Source } from "../store/store.ts";

/**
 * A source whose referrers are what they were when they were first asked for: what was judged is what is copied, although
 * somebody hangs something else there meanwhile. All the rest is asked for by digest anyway.
 */
export function pinReferrers(source: Source): Source {
  const listings = new Map<Digest, Promise<readonly Referrer[]>>();
  const list = async (...asked: Parameters<Source["referrers"]>): Promise<readonly Referrer[]> => {
    const listed: Referrer[] = [];
    for await (const referrer of source.referrers(...asked)) listed.push(referrer);
    return listed;
  };
  return {
    location: source.location,
    ...(source.closure === undefined ? {} : { closure: source.closure }),
    resolve: source.resolve.bind(source),
    exists: source.exists.bind(source),
    fetch: source.fetch.bind(source),
    open: source.open.bind(source),
    tags: source.tags.bind(source),
    async *referrers(subject, options = {}) {
      const { artifactType, after, limit, ...waits } = options;
      if (artifactType !== undefined || after !== undefined || limit !== undefined) {
        yield* source.referrers(subject, options);
        return;
      }
      const listed = listings.get(subject.digest) ?? list(subject, waits);
      listings.set(subject.digest, listed);
      yield* await listed;
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
