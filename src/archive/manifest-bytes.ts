import { readManifest, writeManifest } from "../blobs/manifest.ts";
import type { ManifestBytes } from "../names/index-json-facts.ts";
import type { Blobs } from "../store/blobs.ts";

/** Lets the names read and write manifests among the blobs. */
export function manifestBytes(blobs: Blobs): ManifestBytes {
  return {
    read: (digest, options) => readManifest(blobs, digest, options),
    write: (bytes, mediaType) => writeManifest(blobs, bytes, mediaType),
    discard: (digest) => blobs.remove(digest),
  };
}
