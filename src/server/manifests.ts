import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Name, Store } from "../store/store.ts";
import { unknownRepository } from "./authorize.ts";
import { INERT } from "./blobs.ts";
import { etagOf, matchHits, noneMatchHits } from "./conditional.ts";
import { type Context, lookOf, openReadable, permit, signalOf } from "./context.ts";
import { fetchContent, heldContent } from "./held-content.ts";
import { header, type ServerResponse } from "./message.ts";

/** Reads a manifest, byte for byte as it was pushed (distribution-spec, "Pulling manifests"; end-3). */
export async function readManifest(context: Context, repository: string, name: Name): Promise<ServerResponse> {
  const { request } = context;
  const store = await openReadable(context, repository, "tag" in name ? name.tag : undefined);
  if (!store) throw unknownRepository(repository);
  const descriptor = await store.resolve(name, lookOf(context));
  const headers = {
    ...INERT,
    "content-type": descriptor.mediaType,
    "docker-content-digest": descriptor.digest,
    etag: etagOf(descriptor.digest),
  };
  if (noneMatchHits(header(request, "if-none-match"), descriptor.digest)) return { status: 304, headers };
  if (request.method === "HEAD") {
    if (!(await store.exists(descriptor, lookOf(context)))) throw unknownManifest(descriptor.digest);
    return { status: 200, headers: { ...headers, "content-length": `${descriptor.size}` } };
  }
  const bytes = (await heldContent(context, store, descriptor)) ?? (await fetchManifest(context, store, descriptor));
  return { status: 200, headers: { ...headers, "content-length": `${bytes.length}` }, body: bytes };
}

async function fetchManifest(context: Context, store: Store, descriptor: Descriptor): Promise<Uint8Array> {
  try {
    return await fetchContent(context, store, descriptor, "manifest");
  } catch (error) {
    throw isOciError(error, "BLOB_UNKNOWN") ? unknownManifest(descriptor.digest) : error;
  }
}

/** Deletes a tag, or a manifest with all its tags (end-9). */
export async function deleteManifest(context: Context, repository: string, name: Name): Promise<ServerResponse> {
  await permit(context, { action: "delete", repository, ...("tag" in name ? { tag: name.tag } : {}) });
  if (!(await context.registry.has(repository))) throw unknownRepository(repository);
  const store = await context.registry.repository(repository);
  const descriptor = await store.resolve(name, signalOf(context));
  const ifMatch = header(context.request, "if-match");
  if (ifMatch !== undefined && !matchHits(ifMatch, descriptor.digest)) {
    throw new OciError("CONFLICT", `If-Match does not hold: it is at ${descriptor.digest}`);
  }
  if ("tag" in name) {
    const guard = ifMatch === undefined ? {} : { expect: descriptor.digest };
    await store.update([{ tag: name.tag, to: null, ...guard }]);
  } else {
    if (!store.delete) throw new OciError("UNSUPPORTED", "This registry does not delete manifests");
    await store.delete(descriptor, { kind: "manifest" });
  }
  return { status: 202, headers: { "content-length": "0" } };
}

function unknownManifest(digest: Digest): OciError {
  return new OciError("MANIFEST_UNKNOWN", `No manifest ${digest}`, { digest });
}
