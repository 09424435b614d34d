import { randomUUID } from "node:crypto";
import { fromBuffer } from "../bytes/bytes.ts";
import { digestOf } from "../bytes/hash.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { encodeJson } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "./content.ts";
import { need } from "./need.ts";
import type { Kind, Store } from "./store.ts";

export interface RemoveTagOptions extends Signal {
  /** The digest that the tag has to point at until then. */
  readonly expect?: Digest;
}

/** What became of a tag. */
export interface RemovedTag {
  readonly tag: string;
  /** What it pointed at, which stays. */
  readonly digest: Digest;
  /** "replaced": the registry deletes no tags, so the tag was moved to a manifest made for it, and that was deleted. */
  readonly way: "deleted" | "replaced";
}

/**
 * Takes one tag away, and nothing else. Where a registry deletes manifests but no tags, the tag is pointed
 * at a manifest that exists for nothing else, which is then deleted; whether it would be is tried first, with
 * one that no tag names. If that fails in the middle, the tag points again at what it did.
 * @throws OciError MANIFEST_UNKNOWN, CONFLICT, UNSUPPORTED (this registry deletes neither tags nor manifests)
 */
export async function removeTag(store: Store, tag: string, options: RemoveTagOptions = {}): Promise<RemovedTag> {
  const { expect } = options;
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const before = await store.resolve({ tag }, signal);
  try {
    await store.update([{ tag, to: null, ...(expect === undefined ? {} : { expect }) }], signal);
    return { tag, digest: before.digest, way: "deleted" };
  } catch (error) {
    if (!isOciError(error, "UNSUPPORTED") || store.delete === undefined) throw error;
  }
  if (expect !== undefined && before.digest !== expect) {
    throw new OciError("CONFLICT", `Tag ${JSON.stringify(tag)} is at ${before.digest}, expected ${expect}`, {
      reference: tag,
    });
  }
  await replace(store, tag, before, signal);
  return { tag, digest: before.digest, way: "replaced" };
}

async function replace(store: Store, tag: string, before: Descriptor, signal: Signal): Promise<void> {
  const stand = await pushStandIn(store, [], signal);
  await stand.remove();
  try {
    const named = await pushStandIn(store, [tag], signal);
    await named.remove();
    if (!(await pointsAt(store, tag, named.digest, signal))) return;
  } catch (error) {
    await restore(store, tag, before, signal);
    throw error;
  }
  await restore(store, tag, before, signal);
  throw new OciError("UNSUPPORTED", `The tag ${JSON.stringify(tag)} outlives the manifest that it points at`, {
    reference: tag,
  });
}

async function restore(store: Store, tag: string, before: Descriptor, signal: Signal): Promise<void> {
  // The first failure is the one to tell.
  await store.update([{ tag, to: before }], signal).catch(() => undefined);
}

async function pointsAt(store: Store, tag: string, digest: Digest, signal: Signal): Promise<boolean> {
  try {
    return (await store.resolve({ tag }, signal)).digest === digest;
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return false;
    throw error;
  }
}

/** A manifest of an image that is none; nobody else can have the same. */
async function pushStandIn(
  store: Store,
  tags: readonly string[],
  signal: Signal,
): Promise<{ readonly digest: Digest; remove(): Promise<void> }> {
  const push = async (document: object, mediaType: string, kind: Kind): Promise<Descriptor> => {
    const bytes = encodeJson(document);
    const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    const named = kind === "manifest" ? { tags } : {};
    await store.push(descriptor, (from) => fromBuffer(bytes.subarray(from?.offset ?? 0)), {
      kind,
      ...named,
      ...signal,
    });
    return descriptor;
  };
  const rootfs = { type: "layers", diff_ids: [] };
  const labels = { "io.berth.stand-in": randomUUID() };
  const config = await push(
    { architecture: "amd64", os: "linux", config: { Labels: labels }, rootfs },
    MediaType.ImageConfig,
    "blob",
  );
  const mediaType = MediaType.ImageManifest;
  const manifest = await push({ schemaVersion: 2, mediaType, config, layers: [] }, mediaType, "manifest");
  const remove = need(store, "delete");
  return {
    digest: manifest.digest,
    async remove() {
      await remove(manifest, { kind: "manifest", ...signal });
      // A blob that nothing names is garbage collection's anyway.
      await remove(config, { kind: "blob", ...signal }).catch(() => undefined);
    },
  };
}
