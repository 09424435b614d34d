import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { encodeJson } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Store } from "../store/store.ts";
import { type Context, openReadable, signalOf } from "./context.ts";
import type { ServerResponse } from "./message.ts";
import { nextLink, type PageRequest, parsePage } from "./page.ts";
import { single } from "./query.ts";

/** Bytes of one page: clients refuse an index larger than a manifest may be. */
export const LARGEST_BODY: number = 3 * 1024 * 1024;

/**
 * Lists referrers (distribution-spec, "Listing Referrers"; end-12a, end-12b). What hangs on a
 * subject by a digest tag alone is no referrer by the spec and stays out. Beyond the spec, `n` asks for
 * shorter pages.
 */
export async function listReferrers(context: Context, repository: string, digest: Digest): Promise<ServerResponse> {
  const artifactType = single(context.query, "artifactType") || undefined;
  const page = parsePage(context.query);
  const store = await openReadable(context, repository);
  const { manifests, next } = store
    ? await readPage(context, store, digest, artifactType, page)
    : { manifests: [], next: undefined };
  const body = encodeJson({ schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests });
  const filter = artifactType === undefined ? {} : { artifactType };
  const n = single(context.query, "n") === undefined ? {} : { n: `${page.limit}` };
  return {
    status: 200,
    headers: {
      "content-type": MediaType.ImageIndex,
      "content-length": `${body.length}`,
      ...(artifactType === undefined ? {} : { "oci-filters-applied": "artifactType" }),
      ...(next === undefined
        ? {}
        : { link: nextLink(`/v2/${repository}/referrers/${digest}`, { ...filter, ...n, last: next }) }),
    },
    body,
  };
}

async function readPage(
  context: Context,
  store: Store,
  digest: Digest,
  artifactType: string | undefined,
  { limit, after }: PageRequest,
): Promise<{ manifests: readonly Descriptor[]; next: string | undefined }> {
  const manifests: Descriptor[] = [];
  let bytes = 0;
  // The subject need not be here, so nothing but its digest is known.
  const subject: Descriptor = { mediaType: MediaType.ImageManifest, digest, size: 0 };
  const options = {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(after === undefined ? {} : { after }),
    ...signalOf(context),
  };
  if (limit === 0) return { manifests, next: undefined };
  for await (const { descriptor, via } of store.referrers(subject, options)) {
    if (via === "digest-tag") continue;
    if (artifactType !== undefined && descriptor.artifactType !== artifactType) continue;
    bytes += JSON.stringify(descriptor).length;
    const last = manifests.at(-1);
    if (last && (manifests.length === limit || bytes > LARGEST_BODY)) return { manifests, next: last.digest };
    manifests.push(descriptor);
  }
  return { manifests, next: undefined };
}
