import { isOciError } from "../error/oci-error.ts";
import { isRepositoryName } from "../spec/name.ts";
import type { Digest } from "../spec/digest.ts";
import type { Upload } from "../store/blobs.ts";
import type { Store } from "../store/store.ts";
import { type Context, openReadable } from "./context.ts";

/** Repositories asked for a digest when the client names none. */
const MOST_CANDIDATES = 100;

/**
 * Takes a blob over from another repository that the client may read (end-11), or, where it
 * names none, from any such. Whatever stands in the way, existence is not told: the answer
 * is an upload then.
 */
export async function mountBlob(
  context: Context,
  target: Store,
  digest: Digest,
  from: string | undefined,
): Promise<"mounted" | Upload | undefined> {
  for await (const name of candidates(context, digest, from)) {
    const source = await openAllowed(context, name);
    if (!source) continue;
    try {
      const descriptor = await source.resolve({ digest }, { kind: "blob" });
      if (await target.exists(descriptor, { kind: "blob", lease: true })) return "mounted";
      const result = await target.mount?.(descriptor, source.location);
      if (result) return result;
    } catch (error) {
      if (!isOciError(error, "BLOB_UNKNOWN", "NAME_UNKNOWN")) throw error;
    }
  }
  return undefined;
}

async function* candidates(context: Context, digest: Digest, from: string | undefined): AsyncGenerator<string> {
  if (from !== undefined) {
    if (isRepositoryName(from)) yield from;
    return;
  }
  let left = MOST_CANDIDATES;
  for await (const name of context.readable.holders?.(digest) ?? []) {
    if (left-- <= 0) return;
    yield name;
  }
}

async function openAllowed(context: Context, name: string): Promise<Store | undefined> {
  try {
    return await openReadable(context, name);
  } catch (error) {
    if (isOciError(error, "UNAUTHORIZED", "DENIED")) return undefined;
    throw error;
  }
}
