import type { Digest } from "../spec/digest.ts";
import { decorate } from "../store/decorate.ts";
import { need } from "../store/need.ts";
import type { Store } from "../store/store.ts";
import type { Turns } from "./turns.ts";

/**
 * A repository's store in which a manifest is not deleted between a push of its bytes and of its name: the push would
 * be acknowledged, and its name would lead to nothing.
 * @param path of the repository
 */
export function orderedStore(inner: Store, path: string, turns: Turns): Store {
  const keyOf = (digest: Digest): string => `${path}@${digest}`;
  const remove = need(inner, "delete");
  return decorate(inner, {
    push: (descriptor, source, options) => {
      const push = (): ReturnType<Store["push"]> => inner.push(descriptor, source, options);
      return options.kind === "manifest" ? turns.share(keyOf(descriptor.digest), push) : push();
    },
    delete: (descriptor, options) => turns.take(keyOf(descriptor.digest), () => remove(descriptor, options)),
  });
}
