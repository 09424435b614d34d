import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { encodeJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Store } from "../store/store.ts";
import { type Context, openReadable, signalOf } from "./context.ts";
import type { ServerResponse } from "./message.ts";
import { DEFAULT_PAGE, nextLink, parsePage } from "./page.ts";
import { single } from "./query.ts";
import { LARGEST_BODY } from "./referrers.ts";
import { knownDigest } from "./route.ts";

/** Where a referrer stands in the listing. */
interface Place {
  /** 0 with ORAS's own time of creation, 1 with the image-spec's, 2 without any. */
  readonly rank: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly digest: string;
}

interface Placed {
  readonly place: Place;
  readonly descriptor: Descriptor;
}

/**
 * Lists referrers the way that ORAS had before the specification did (artifacts-spec
 * 1.0.0-rc.2, manifest-referrers-api.md): the most recent first, those without a time of creation last.
 */
export async function listOrasReferrers(context: Context, repository: string): Promise<ServerResponse> {
  const { query } = context;
  const digest = knownDigest(single(query, "digest") ?? "");
  const artifactType = single(query, "artifactType") || undefined;
  const limit = Math.min(parsePage(query).limit, DEFAULT_PAGE);
  const token = single(query, "nextToken");
  const after = token === undefined ? undefined : parseToken(token);
  const store = await openReadable(context, repository);
  const { page, more } = store
    ? await readPage(context, store, digest, { artifactType, limit, after })
    : { page: [], more: false };
  const body = encodeJson({ referrers: page.map(({ descriptor }) => descriptor) });
  const last = page.at(-1)?.place;
  const parameters = {
    digest,
    ...(artifactType === undefined ? {} : { artifactType }),
    n: `${limit}`,
  };
  return {
    status: 200,
    headers: {
      "content-type": "application/json",
      "content-length": `${body.length}`,
      "oras-api-version": "oras/1.0",
      ...(more && last
        ? {
            link: nextLink(`/v2/${repository}/_oras/artifacts/referrers`, {
              ...parameters,
              nextToken: formatToken(last),
            }),
          }
        : {}),
    },
    body,
  };
}

interface Wanted {
  readonly artifactType: string | undefined;
  readonly limit: number;
  readonly after: Place | undefined;
}

/** Keeps no more than a page of what passes by. */
async function readPage(
  context: Context,
  store: Store,
  digest: Digest,
  { artifactType, limit, after }: Wanted,
): Promise<{ readonly page: readonly Placed[]; readonly more: boolean }> {
  const page: Placed[] = [];
  const subject: Descriptor = { mediaType: MediaType.ImageManifest, digest, size: 0 };
  let seen = 0;
  const options = { ...(artifactType === undefined ? {} : { artifactType }), ...signalOf(context) };
  for await (const { descriptor, via } of store.referrers(subject, options)) {
    if (via === "digest-tag" || (artifactType !== undefined && descriptor.artifactType !== artifactType)) continue;
    seen += 1;
    if (seen > Limits.referrers) {
      throw new OciError("LIMIT_EXCEEDED", `More than ${Limits.referrers} referrers cannot be listed in this order`);
    }
    const place = placeOf(descriptor);
    if (after && compare(place, after) <= 0) continue;
    insert(page, { place, descriptor });
    if (page.length > limit + 1) page.pop();
  }
  return cut(page, limit);
}

/** One page of what was found: as many as asked for, and no more bytes than a client reads. */
function cut(found: readonly Placed[], limit: number): { readonly page: readonly Placed[]; readonly more: boolean } {
  let bytes = 0;
  const fitting = found.findIndex(({ descriptor }, at) => {
    bytes += JSON.stringify(descriptor).length;
    return at === limit || (at > 0 && bytes > LARGEST_BODY);
  });
  return fitting === -1 ? { page: found, more: false } : { page: found.slice(0, fitting), more: limit > 0 };
}

function insert(page: Placed[], item: Placed): void {
  let low = 0;
  let high = page.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = page[middle];
    if (other && compare(other.place, item.place) < 0) low = middle + 1;
    else high = middle;
  }
  page.splice(low, 0, item);
}

function placeOf({ digest, annotations }: Descriptor): Place {
  for (const [rank, key] of [Annotation.OrasCreated, Annotation.Created].entries()) {
    const time = Date.parse(annotations?.[key] ?? "");
    if (!Number.isNaN(time)) return { rank, time, digest };
  }
  return { rank: 2, time: 0, digest };
}

function compare(left: Place, right: Place): number {
  if (left.rank !== right.rank) return left.rank - right.rank;
  if (left.time !== right.time) return right.time - left.time;
  return left.digest < right.digest ? -1 : left.digest > right.digest ? 1 : 0;
}

function formatToken({ rank, time, digest }: Place): string {
  return Buffer.from(`${rank} ${time} ${digest}`).toString("base64url");
}

/** @throws OciError USAGE */
function parseToken(token: string): Place {
  const text = token.length > 512 ? "" : Buffer.from(token, "base64url").toString("latin1");
  const [, rank, time, digest] = /^([0-2]) (-?\d{1,16}) (\S+)$/.exec(text) ?? [];
  if (digest === undefined) throw new OciError("USAGE", "Invalid nextToken: expected the one of a Link header");
  return { rank: Number(rank), time: Number(time), digest };
}
