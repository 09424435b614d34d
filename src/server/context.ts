import type { LeaseOption } from "../store/blobs.ts";
import type { AppendOptions } from "../store/blobs.ts";
import type { Registry, Store } from "../store/store.ts";
import { type Access, type Authorize, refusal } from "./authorize.ts";
import type { ContentCache } from "./content-cache.ts";
import type { HeldBodies } from "./held-bodies.ts";
import type { KeyedTurns } from "./keyed-turns.ts";
import type { KnownSizes } from "./known-sizes.ts";
import type { ServerRequest } from "./message.ts";
import type { Query } from "./query.ts";
import type { UploadSessions } from "./upload-sessions.ts";

/** What a route works with. */
export interface Context {
  /** All of it, for what is written. */
  readonly registry: Registry;
  /** What of it the client may see, for what is read. */
  readonly readable: Registry;
  readonly authorize: Authorize;
  readonly sessions: UploadSessions;
  readonly cache: ContentCache;
  readonly bodies: HeldBodies;
  readonly deletes: KeyedTurns;
  readonly largeReads: KeyedTurns;
  readonly sizes: KnownSizes;
  /** Bytes that a blob may have. */
  readonly maxBlobSize: number;
  /** Whether a repository takes manifests whose config or layers are not here. */
  readonly isSparse: (repository: string) => boolean;
  /** What is found here can be leased: a client that asks whether something is there may leave it out of its push. */
  readonly writable: boolean;
  readonly request: ServerRequest;
  readonly query: Query;
}

/** @throws OciError UNAUTHORIZED, DENIED, NAME_UNKNOWN */
export async function permit(context: Context, access: Access): Promise<void> {
  const { who } = context.request;
  const verdict = await context.authorize(who, access);
  if (verdict !== "allow") throw refusal(verdict, who, access);
}

/**
 * Opens a repository for reading. Undefined when it is not there or hidden, so that no route
 * can tell the one from the other; asking never brings a repository into being.
 * @throws OciError UNAUTHORIZED, DENIED
 */
export async function openReadable(context: Context, repository: string, tag?: string): Promise<Store | undefined> {
  const { who } = context.request;
  const access: Access = { action: "pull", repository, ...(tag === undefined ? {} : { tag }) };
  const verdict = await context.authorize(who, access);
  if (verdict === "deny") throw refusal(verdict, who, access);
  if (verdict === "hide" || !(await context.readable.has(repository))) return undefined;
  return context.readable.repository(repository);
}

/** Options of looking for what was asked for: whoever asks by HEAD gets a lease on it. */
export function lookOf(context: Context): LeaseOption {
  const { method } = context.request;
  return { ...signalOf(context), ...(method === "HEAD" && context.writable ? { lease: true } : {}) };
}

/** What an upload takes besides the body of a request. */
export function appendOptionsOf(request: Pick<ServerRequest, "signal" | "release">): AppendOptions {
  const { signal, release } = request;
  return { ...(signal ? { signal } : {}), ...(release ? { release } : {}) };
}

/** The signal of the request, as the stores take it. */
export function signalOf(context: Context): { readonly signal?: AbortSignal } {
  const { signal } = context.request;
  return signal ? { signal } : {};
}
