import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Referrer } from "../store/names.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { eachOf } from "../transfer/workers.ts";

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

const AT_A_TIME = 16;

/**
 * Asks a pinned source for all that hangs on some manifests, and on that, a whole level at a time: a copy asks for one
 * after the other, and finds the answers at hand.
 */
export async function listAhead(source: Source, subjects: readonly Descriptor[], options: Signal): Promise<void> {
  const seen = new Set<Digest>(subjects.map(({ digest }) => digest));
  for (let level = subjects; level.length > 0 && seen.size <= Limits.discoverNodes;) {
    const found: Descriptor[] = [];
    await eachOf(level, AT_A_TIME, async (subject) => {
      for await (const { descriptor } of source.referrers(subject, options)) {
        if (seen.has(descriptor.digest)) continue;
        seen.add(descriptor.digest);
        found.push(descriptor);
      }
    });
    level = found;
  }
}
