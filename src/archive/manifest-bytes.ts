import { fromBuffer } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { digestOf } from "../bytes/hash.ts";
import { isOciError } from "../error/oci-error.ts";
import type { ManifestBytes } from "../names/index-json-facts.ts";
import { algorithmOf, isAlgorithm } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Blobs } from "../store/blobs.ts";

/** Lets the names read and write manifests among the blobs. */
export function manifestBytes(blobs: Blobs): ManifestBytes {
  return {
    async read(digest, options) {
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
    },
    async write(bytes, mediaType) {
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
    },
    discard: (digest) => blobs.remove(digest),
  };
}
