import { collect } from "../bytes/collect.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import type { Kind, Store } from "../store/store.ts";
import { type Context, signalOf } from "./context.ts";

/** Content that is in memory, if the repository has it still, whole by its size. */
export async function heldContent(
  context: Context,
  store: Store,
  descriptor: Descriptor,
): Promise<Uint8Array | undefined> {
  const bytes = context.cache.get(descriptor.digest, descriptor.size);
  // As a blob: that it is a manifest was asked when its name was resolved.
  return bytes && (await store.exists(descriptor, { kind: "blob" })) ? bytes : undefined;
}

/**
 * Reads small content, verified, and keeps it in memory.
 * @throws OciError CONTENT_DAMAGED, BLOB_UNKNOWN, MANIFEST_UNKNOWN
 */
export async function fetchContent(
  context: Context,
  store: Store,
  descriptor: Descriptor,
  kind: Kind,
): Promise<Uint8Array> {
  try {
    const read = (): Promise<Uint8Array> =>
      collect(store.fetch(descriptor, { kind, ...signalOf(context) }), Limits.manifest, kind);
    // Large ones one at a time: a crowd that asks for them at once must not have all of them in memory.
    const bytes = descriptor.size > Limits.contentCacheEntry ? await context.largeReads.take("", read) : await read();
    context.cache.put(descriptor.digest, bytes);
    return bytes;
  } catch (error) {
    // What is stored is wrong, not what was asked for.
    if (isOciError(error, "SIZE_INVALID", "DIGEST_INVALID", "LIMIT_EXCEEDED")) {
      throw new OciError("CONTENT_DAMAGED", `The ${kind} ${descriptor.digest} is damaged`, {
        digest: descriptor.digest,
        cause: error,
      });
    }
    throw error;
  }
}
