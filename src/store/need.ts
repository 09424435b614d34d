import { OciError } from "../error/oci-error.ts";
import { describeLocation } from "./describe-location.ts";
import type { Store } from "./store.ts";

export type Capability = "stage" | "resume" | "mount" | "delete" | "listReferrers";

/**
 * A store's optional method, or the one clear error that this medium never can.
 * @throws OciError UNSUPPORTED
 */
export function need<C extends Capability>(store: Store, capability: C): NonNullable<Store[C]> {
  const method = store[capability];
  if (method) return method.bind(store) as NonNullable<Store[C]>;
  throw new OciError(
    "UNSUPPORTED",
    `Cannot ${capability} in ${describeLocation(store.location)}: this medium cannot do that`,
  );
}
