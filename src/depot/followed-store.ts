import { isOciError } from "../error/oci-error.ts";
import { decorate } from "../store/decorate.ts";
import type { Store } from "../store/store.ts";
import type { Follower } from "./follow.ts";

/** What lets a store's reads see what other tools wrote. */
export interface Followed {
  readonly follower: Follower;
  readonly name: string;
  /** Whether the repository is there, by now. */
  look(): Promise<boolean>;
  readonly id: number | undefined;
}

/** A repository's store whose reads of names see what other tools wrote into its layout. */
export function followedStore(inner: Store, repository: Followed): Store {
  const { parents } = inner;
  const { follower, name } = repository;
  const look = (): Promise<unknown> | undefined =>
    repository.id === undefined ? repository.look() : follower.look(name);
  return decorate(inner, {
    async resolve(wanted, options) {
      if (options?.kind === "blob") return await inner.resolve(wanted, options);
      const looking = look();
      if (looking) await looking;
      try {
        return await inner.resolve(wanted, options);
      } catch (error) {
        if (!isOciError(error, "MANIFEST_UNKNOWN")) throw error;
        const again = follower.look(name, { now: true });
        if (again === undefined) throw error;
        await again;
        return await inner.resolve(wanted, options);
      }
    },
    async *tags(page) {
      await look();
      yield* inner.tags(page);
    },
    async *referrers(subject, options) {
      await look();
      yield* inner.referrers(subject, options);
    },
    ...(parents
      ? {
          async *parents(child, options) {
            await look();
            yield* parents.call(inner, child, options);
          },
        }
      : {}),
  });
}
