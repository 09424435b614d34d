import { isOciError } from "../error/oci-error.ts";
import { decorate } from "../store/decorate.ts";
import type { Store } from "../store/store.ts";
import type { Follower } from "./follow.ts";

/** A repository's store whose reads of names see what other tools wrote into its layout. */
export function followedStore(inner: Store, follower: Follower, name: string): Store {
  return decorate(inner, {
    async resolve(wanted, options) {
      if (options?.kind === "blob") return await inner.resolve(wanted, options);
      const looking = follower.look(name);
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
      await follower.look(name);
      yield* inner.tags(page);
    },
    async *referrers(subject, options) {
      await follower.look(name);
      yield* inner.referrers(subject, options);
    },
  });
}
