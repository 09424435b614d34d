import { fromBuffer } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { digestOf } from "../bytes/hash.ts";
import { isOciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { algorithmOf, type Digest, isAlgorithm } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Blobs } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";

/**
 * Reads a blob that is no larger than a manifest may be, and checks its digest.
 * Undefined: not there, damaged or too large.
 */
export async function readManifest(
  blobs: Pick<Blobs, "stat" | "open">,
  digest: Digest,
  options: Signal = {},
): Promise<Uint8Array | undefined> {
  try {
    const found = await blobs.stat(digest, options);
    if (found === undefined || found.size > Limits.manifest) return undefined;
    await using content = await blobs.open(digest, options);
    const bytes = await collect(content.bytes(), Limits.manifest, `manifest ${digest}`);
    const algorithm = algorithmOf(digest);
    return isAlgorithm(algorithm) && digestOf(bytes, algorithm) === digest ? bytes : undefined;
  } catch (error) {
    if (isOciError(error, "CONTENT_DAMAGED", "BLOB_UNKNOWN", "LIMIT_EXCEEDED")) return undefined;
    throw error;
  }
}

/** Writes a manifest as a blob, durably, and describes it. */
export async function writeManifest(
  blobs: Pick<Blobs, "stage">,
  bytes: Uint8Array,
  mediaType: string,
): Promise<Descriptor> {
  const digest = digestOf(bytes);
  await using upload = await blobs.stage();
  try {
    await upload.append(fromBuffer(bytes), 0);
    const written = await upload.commit(digest);
    return { ...written, mediaType };
  } catch (error) {
    await upload.abort();
    throw error;
  }
}
