import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Store } from "../store/store.ts";
import { unknownRepository } from "./authorize.ts";
import { etagOf, matchHits, noneMatchHits } from "./conditional.ts";
import { type Context, lookOf, openReadable, permit, signalOf } from "./context.ts";
import { fetchContent } from "./held-content.ts";
import { header, type ServerResponse } from "./message.ts";
import { parseRange } from "./range.ts";
import { renderError } from "./render-error.ts";

/** A browser that opens pushed content must not run it as a page of this origin. */
export const INERT: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
};

/** Reads a blob, whole or a range of it (distribution-spec, "Pulling blobs"; end-2). */
export async function readBlob(context: Context, repository: string, digest: Digest): Promise<ServerResponse> {
  const { request } = context;
  const store = await openReadable(context, repository);
  if (!store) throw unknownRepository(repository);
  const descriptor = await store.resolve({ digest }, { kind: "blob", ...lookOf(context) });
  const { size } = descriptor;
  await checkWhole(context, store, descriptor);
  const headers = {
    ...INERT,
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    etag: etagOf(digest),
    "accept-ranges": "bytes",
  };
  if (noneMatchHits(header(request, "if-none-match"), digest)) return { status: 304, headers };
  if (request.method === "HEAD") return { status: 200, headers: { ...headers, "content-length": `${size}` } };
  const ifRange = header(request, "if-range");
  const wanted = ifRange === undefined || ifRange === etagOf(digest) ? header(request, "range") : undefined;
  const part = parseRange(wanted, size);
  if (part === "unsatisfiable") {
    return renderError(new OciError("RANGE_INVALID", `Range ${wanted?.slice(0, 60)} is outside of ${size} bytes`), {
      headers: { "content-range": `bytes */${size}` },
    });
  }
  const start = part?.start ?? 0;
  const length = part ? part.end - part.start + 1 : size;
  const answer = {
    status: part ? 206 : 200,
    headers: {
      ...headers,
      "content-length": `${length}`,
      ...(part ? { "content-range": `bytes ${part.start}-${part.end}/${size}` } : {}),
    },
  };
  if (size <= Limits.smallBlob) {
    const bytes = context.cache.get(digest, size) ?? (await fetchContent(context, store, descriptor, "blob"));
    return { ...answer, body: part ? bytes.subarray(start, start + length) : bytes };
  }
  const content = await store.open(descriptor, {
    kind: "blob",
    ...(part ? { range: part } : {}),
    ...signalOf(context),
  });
  if (content.size !== size) {
    await content[Symbol.asyncDispose]();
    throw new OciError("CONTENT_DAMAGED", `${digest} changed its size while it was opened`, { digest });
  }
  return { ...answer, body: { content, start, length } };
}

/**
 * Refuses what cannot be the content of its digest. To a client that only looks it is not there, so that a push
 * brings it back; a client that reads learns that it is damaged.
 * @throws OciError BLOB_UNKNOWN, CONTENT_DAMAGED
 */
async function checkWhole(context: Context, store: Store, descriptor: Descriptor): Promise<void> {
  const { digest, size } = descriptor;
  const isLook = context.request.method === "HEAD";
  let isWhole = context.sizes.fits(digest, size);
  if (isWhole && isLook && size <= Limits.smallBlob && !context.cache.get(digest, size)) {
    isWhole = await fetchContent(context, store, descriptor, "blob").then(
      () => true,
      (error: unknown) => {
        if (isOciError(error, "CONTENT_DAMAGED")) return false;
        throw error;
      },
    );
  }
  if (isWhole) return;
  throw new OciError(isLook ? "BLOB_UNKNOWN" : "CONTENT_DAMAGED", `The file of ${digest} has ${size} bytes`, {
    digest,
  });
}

/** Deletes a blob (end-10). */
export async function deleteBlob(context: Context, repository: string, digest: Digest): Promise<ServerResponse> {
  await permit(context, { action: "delete", repository });
  if (!(await context.registry.has(repository))) throw unknownRepository(repository);
  const store = await context.registry.repository(repository);
  if (!store.delete) throw new OciError("UNSUPPORTED", "This registry does not delete blobs");
  const descriptor = await store.resolve({ digest }, { kind: "blob", ...signalOf(context) });
  const ifMatch = header(context.request, "if-match");
  if (ifMatch !== undefined && !matchHits(ifMatch, digest)) {
    throw new OciError("CONFLICT", `If-Match does not hold: this is ${digest}`);
  }
  await store.delete(descriptor, { kind: "blob" });
  return { status: 202, headers: { "content-length": "0" } };
}
