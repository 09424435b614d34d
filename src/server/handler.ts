import { errnoOf } from "../disk/error.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { encodeJson } from "../spec/json.ts";
import type { Registry } from "../store/store.ts";
import { allowAll, type Authorize } from "./authorize.ts";
import { deleteBlob, readBlob } from "./blobs.ts";
import { listCatalog } from "./catalog.ts";
import { ContentCache } from "./content-cache.ts";
import { type Context, permit } from "./context.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { listExtensions } from "./extensions.ts";
import { HeldBodies } from "./held-bodies.ts";
import { KeyedTurns } from "./keyed-turns.ts";
import { KnownSizes } from "./known-sizes.ts";
import { KnownTargets } from "./known-targets.ts";
import { deleteManifest, readManifest } from "./manifests.ts";
import type { Gate } from "./gate/gate.ts";
import { header, isContentBody, type ServerRequest, type ServerResponse } from "./message.ts";
import { inNamespace } from "./namespace.ts";
import { listOrasReferrers } from "./oras-referrers.ts";
import { putManifest } from "./put-manifest.ts";
import type { Query } from "./query.ts";
import { listReferrers } from "./referrers.ts";
import { renderError } from "./render-error.ts";
import type { Route, RouteKind, Target } from "./route.ts";
import { listTags } from "./tags.ts";
import { UploadSessions, type UploadSessionsOptions } from "./upload-sessions.ts";
import { appendToUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from "./uploads.ts";

export interface HandlerOptions {
  /** The decision that every route asks for. Everything is allowed by default. */
  readonly authorize?: Authorize;
  /** WWW-Authenticate of a 401. `Basic realm="berth"` by default. */
  readonly challenge?: string;
  /** Finds out who sends a request, by its head alone; undefined: anybody. Nobody is known by default. */
  readonly authenticate?: (request: ServerRequest) => string | undefined;
  /**
   * When a client without credentials is asked for them: where it is denied something ("denied", the default), also
   * where it asks for what is not there ("missing"), or always.
   */
  readonly login?: "denied" | "missing" | "always";
  /** Images that clients whom `authenticate` does not know do not see. */
  readonly gate?: Gate;
  /** Refuse everything that would change something. */
  readonly readOnly?: boolean;
  /** Refuse to delete tags, manifests and blobs. Uploads can be cancelled all the same. */
  readonly noDelete?: boolean;
  /** Bytes that an uploaded blob may have. Without a limit by default. */
  readonly maxBlobSize?: number;
  /**
   * Validation "none": accept manifests whose config or layers are not here, everywhere or in some
   * repositories. Refused by default; the manifests that an index lists may be absent in any case.
   */
  readonly sparse?: boolean | ((repository: string) => boolean);
  readonly uploads?: UploadSessionsOptions;
}

/** Answers requests of the distribution API. Disposing suspends open uploads; they can be resumed by their id. */
export interface Handler extends AsyncDisposable {
  (request: ServerRequest): Promise<ServerResponse>;
  /** How many uploads are open at this moment: begun, and neither finished nor given up. */
  openUploads(): number;
}

const READING: readonly string[] = ["GET", "HEAD"];
const METHODS: Readonly<Record<RouteKind, readonly string[]>> = {
  ping: READING,
  catalog: READING,
  tags: READING,
  referrers: READING,
  "oras-referrers": READING,
  extensions: READING,
  manifest: [...READING, "PUT", "DELETE"],
  blob: [...READING, "DELETE"],
  uploads: ["POST"],
  upload: [...READING, "PATCH", "PUT", "DELETE"],
};

/** Every answer says which API this is; docker clients look for it. */
const API_VERSION = { "docker-distribution-api-version": "registry/2.0" } as const;

/**
 * Makes the distribution API (distribution-spec 1.1 and what its main branch added) of a
 * registry. It never throws: errors come back rendered.
 */
export function createHandler(registry: Registry, options: HandlerOptions = {}): Handler {
  const sessions = new UploadSessions(options.uploads);
  const targets = new KnownTargets();
  const { sparse = false, gate, authenticate } = options;
  const shared = {
    registry: gate?.whole ?? registry,
    readable: gate?.whole ?? registry,
    sessions,
    writable: !(options.readOnly ?? false),
    cache: new ContentCache(),
    bodies: new HeldBodies(),
    deletes: new KeyedTurns(),
    largeReads: new KeyedTurns(),
    sizes: new KnownSizes(),
    maxBlobSize: options.maxBlobSize ?? Number.POSITIVE_INFINITY,
    authorize: options.authorize ?? allowAll,
    isSparse: typeof sparse === "boolean" ? () => sparse : sparse,
  };

  async function handle(request: ServerRequest): Promise<ServerResponse> {
    let target: Target | undefined;
    let response: ServerResponse;
    try {
      target = targets.parse(request.target);
      response = await answer(request, target);
    } catch (error) {
      response = explain(error, request);
    }
    const headers = { ...API_VERSION, ...response.headers };
    const route = target?.route?.kind;
    if (request.method === "HEAD" && response.body !== undefined) {
      if (isContentBody(response.body)) await response.body.content[Symbol.asyncDispose]();
      const { body: _body, ...head } = response;
      return { ...head, headers, route };
    }
    return { ...response, headers, route };
  }

  const challenge = options.challenge ?? 'Basic realm="berth"';
  const guarded = gate !== undefined || authenticate !== undefined;

  function answer(request: ServerRequest, { route, query }: Target): Promise<ServerResponse> | ServerResponse {
    if (!route) throw new OciError("NAME_UNKNOWN", "Nothing answers at this path");
    const refused = refuseMethod(request.method, route, options);
    if (refused) return refused;
    refuseCrossSite(request);
    if (guarded) return answerGuarded(request, route, query);
    const context = { ...shared, request, query };
    return query.has("ns") ? inNamespace(context, route, dispatch) : dispatch(context, route);
  }

  function explain(error: unknown, { method }: ServerRequest): ServerResponse {
    if (!READING.includes(method) && isUnwritable(error)) return { ...renderError(UNWRITABLE), error };
    // With credentials there may be more to see (RFC 9110 section 11.6.1): told of everything that is missing.
    const helps = isOciError(error, "UNAUTHORIZED") || (authenticate !== undefined && isMissing(error));
    return renderError(error, helps ? { headers: { "www-authenticate": challenge } } : {});
  }

  /** For clients that are not all alike. */
  async function answerGuarded(request: ServerRequest, route: Route, query: Query): Promise<ServerResponse> {
    const who = request.who ?? authenticate?.(request);
    const context: Context = {
      ...shared,
      ...(gate && who === undefined ? { readable: gate.veiled } : {}),
      request: who === undefined ? request : { ...request, who },
      query,
    };
    const anonymous = who === undefined && header(request, "authorization") === undefined;
    const { login = "denied" } = options;
    if (anonymous && login === "always") throw loginRequired();
    try {
      const response = await (query.has("ns") ? inNamespace(context, route, dispatch) : dispatch(context, route));
      if (!authenticate || !INVITING.includes(route.kind)) return response;
      return { ...response, headers: { ...response.headers, "www-authenticate": challenge } };
    } catch (error) {
      throw anonymous && login === "missing" && isMissing(error) ? loginRequired() : error;
    }
  }

  return Object.assign(handle, {
    openUploads: () => sessions.size,
    [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose](),
  });
}

/** Whoever gives credentials may be shown more; some clients look at the first of them whether any are of use. */
const INVITING: readonly RouteKind[] = ["ping", "catalog", "tags", "referrers", "oras-referrers"];

function isMissing(error: unknown): boolean {
  return isOciError(error, "NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN");
}

function loginRequired(): OciError {
  return new OciError("UNAUTHORIZED", "Authentication is required here");
}

/** What a client is told: nothing that it does helps, so it must not look like a failure that passes. */
const UNWRITABLE = new OciError("DENIED", "This registry may not write where it keeps its content");

function isUnwritable(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(errnoOf(error) ?? "");
}

function refuseMethod(
  method: string,
  route: Route,
  { readOnly = false, noDelete = false }: HandlerOptions,
): ServerResponse | undefined {
  const known = METHODS[route.kind];
  const kept = noDelete && route.kind !== "upload" ? known.filter((name) => name !== "DELETE") : known;
  const allowed = readOnly ? known.filter((name) => READING.includes(name)) : kept;
  if (allowed.includes(method)) return undefined;
  const disabled = readOnly ? "This registry is read-only" : "This registry does not delete";
  const why = known.includes(method) ? disabled : `${method.slice(0, 20)} means nothing here`;
  return renderError(new OciError("UNSUPPORTED", why), { headers: { allow: allowed.join(", ") } });
}

function dispatch(context: Context, route: Route): Promise<ServerResponse> {
  const { method } = context.request;
  switch (route.kind) {
    case "ping":
      return ping(context);
    case "catalog":
      return listCatalog(context);
    case "tags":
      return listTags(context, route.repository);
    case "referrers":
      return listReferrers(context, route.repository, route.digest);
    case "oras-referrers":
      return listOrasReferrers(context, route.repository);
    case "extensions":
      return listExtensions(context, route.repository);
    case "manifest":
      if (method === "PUT") return putManifest(context, route.repository, route.name);
      if (method === "DELETE") {
        const name = "tag" in route.name ? route.name.tag : route.name.digest;
        return context.deletes.take(`${route.repository}@${name}`, () =>
          deleteManifest(context, route.repository, route.name),
        );
      }
      return readManifest(context, route.repository, route.name);
    case "blob":
      if (method === "DELETE") {
        return context.deletes.take(`${route.repository}@${route.digest}`, () =>
          deleteBlob(context, route.repository, route.digest),
        );
      }
      return readBlob(context, route.repository, route.digest);
    case "uploads":
      return startUpload(context, route.repository);
    case "upload":
      if (method === "PATCH") return appendToUpload(context, route.repository, route.id);
      if (method === "PUT") return finishUpload(context, route.repository, route.id);
      if (method === "DELETE") return cancelUpload(context, route.repository, route.id);
      return uploadStatus(context, route.repository, route.id);
  }
}

async function ping(context: Context): Promise<ServerResponse> {
  await permit(context, { action: "ping", repository: "" });
  const body = encodeJson({});
  return { status: 200, headers: { "content-type": "application/json", "content-length": `${body.length}` }, body };
}
