import { isOciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import { removeTag, type RemoveTagOptions } from "../store/remove-tag.ts";
import type { Store } from "../store/store.ts";

/** A tag that has another name now. */
export interface MovedTag {
  readonly from: string;
  readonly to: string;
  readonly digest: Digest;
}

/**
 * Gives a tag another name: in one step where the medium can; in a registry the new one comes first.
 * Where the old one has to stay the new one is taken back, unless the registry removes nothing at all.
 * @throws OciError MANIFEST_UNKNOWN, CONFLICT, UNSUPPORTED
 */
export async function moveTag(
  store: Store,
  change: { readonly from: string; readonly to: string },
  options: RemoveTagOptions = {},
): Promise<MovedTag> {
  const { from, to } = change;
  const signal = options.signal ? { signal: options.signal } : {};
  const descriptor = await store.resolve({ tag: from }, signal);
  const { digest } = descriptor;
  const expect = options.expect ?? digest;
  const moved = { from, to, digest };
  if (from === to) return moved;
  if (store.location.medium !== "registry") {
    await store.update(
      [
        { tag: to, to: descriptor },
        { tag: from, to: null, expect },
      ],
      signal,
    );
    return moved;
  }
  const before = await store.resolve({ tag: to }, signal).catch((error: unknown) => {
    if (isOciError(error, "MANIFEST_UNKNOWN")) return undefined;
    throw error;
  });
  await store.update([{ tag: to, to: descriptor }], signal);
  try {
    await removeTag(store, from, { expect, ...signal });
  } catch (error) {
    if (before) await store.update([{ tag: to, to: before }], signal).catch(() => undefined);
    else await removeTag(store, to, { expect: digest, ...signal }).catch(() => undefined);
    throw error;
  }
  return moved;
}
