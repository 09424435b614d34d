import { isOciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "./content.ts";
import type { Change, Names } from "./names.ts";

/** A manifest that nothing names any more, and what it hangs on. */
export interface Forgotten {
  readonly manifest: Descriptor;
  readonly subject?: Descriptor;
}

/**
 * Takes manifests off the names as long as no tag names them: in one batch, and in halves where
 * one of them turns out to be named.
 * @returns those that have stayed
 */
export async function forgetManifests(
  names: Pick<Names, "update">,
  manifests: readonly Forgotten[],
  options: Signal = {},
): Promise<readonly Forgotten[]> {
  const changes = manifests.map((each): Change => ({ ...each, present: false, unlessTagged: true }));
  try {
    await names.update(changes, options);
    return [];
  } catch (error) {
    if (!isOciError(error, "CONFLICT")) throw error;
    if (manifests.length === 1) return manifests;
  }
  const half = manifests.length >> 1;
  return [
    ...(await forgetManifests(names, manifests.slice(0, half), options)),
    ...(await forgetManifests(names, manifests.slice(half), options)),
  ];
}
