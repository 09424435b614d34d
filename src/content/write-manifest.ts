import { fromBuffer } from "../bytes/bytes.ts";
import { digestOf } from "../bytes/hash.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import { type Manifest, parseManifest } from "../spec/manifest.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";

/** A manifest about to be written: checked, described, its bytes final. */
export interface PreparedManifest {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
}

export interface WriteManifestOptions extends Signal {
  readonly tags?: readonly string[];
  /** What the tags have to point at until then; null: they must not be there. Not compared when absent. */
  readonly expect?: Digest | null;
}

/** @throws OciError MANIFEST_INVALID, DIGEST_INVALID */
export function prepareManifest(
  bytes: Uint8Array,
  mediaType: string,
  algorithm: Algorithm = "sha256",
): PreparedManifest {
  const manifest = parseManifest(bytes, mediaType);
  return { descriptor: { mediaType, digest: digestOf(bytes, algorithm), size: bytes.length }, manifest, bytes };
}

/**
 * Writes a manifest by its digest, lists it under its subject where the medium does not do so itself, and
 * moves the tags last, in one batch.
 * @throws OciError MANIFEST_BLOB_UNKNOWN, CONFLICT
 */
export async function writeManifest(
  store: Store,
  prepared: PreparedManifest,
  options: WriteManifestOptions = {},
): Promise<{ readonly existed: boolean }> {
  const { descriptor, manifest, bytes } = prepared;
  const { tags = [], expect } = options;
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const guarded = expect !== undefined && tags.length > 0;
  const pushed = await store.push(descriptor, (from) => fromBuffer(bytes.subarray(from?.offset ?? 0)), {
    kind: "manifest",
    ...(guarded ? {} : { tags }),
    ...signal,
  });
  const { subject } = manifest;
  if (subject && !pushed.subjectHandled && store.listReferrers) {
    await store.listReferrers([{ subject, add: [referrerDescriptor(manifest, descriptor)], remove: [] }], signal);
  }
  if (guarded) {
    await store.update(
      tags.map((tag) => ({ tag, to: descriptor, expect })),
      signal,
    );
  }
  return { existed: pushed.existed };
}
