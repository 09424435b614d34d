import { isOciError, OciError } from "../error/oci-error.ts";
import { algorithmOf, type Digest, isAlgorithm } from "../spec/digest.ts";
import type { Upload } from "../store/blobs.ts";
import type { Store } from "../store/store.ts";
import { appendChunk } from "./chunk.ts";
import { refuseEncoding } from "./content-encoding.ts";
import { type Context, permit } from "./context.ts";
import type { ServerResponse } from "./message.ts";
import { mountBlob } from "./mount.ts";
import { single } from "./query.ts";
import { renderError } from "./render-error.ts";
import { knownDigest } from "./route.ts";
import type { Lease } from "./upload-sessions.ts";

/** Opens an upload, takes a whole blob in one request, or mounts one (end-4a, end-4b, end-4c, end-11). */
export async function startUpload(context: Context, repository: string): Promise<ServerResponse> {
  await permit(context, { action: "push", repository });
  const encoded = refuseEncoding(context.request);
  if (encoded) return encoded;
  const { query, registry, sessions } = context;
  const algorithm = single(query, "digest-algorithm");
  if (algorithm !== undefined && !isAlgorithm(algorithm)) {
    throw new OciError("DIGEST_INVALID", `Unknown digest-algorithm ${JSON.stringify(algorithm.slice(0, 40))}`);
  }
  const mount = digestParameter(context, "mount");
  const digest = digestParameter(context, "digest");
  const store = await registry.repository(repository);
  if (mount !== undefined) {
    const result = await mountBlob(context, store, mount, single(query, "from"));
    if (result === "mounted") return created(repository, mount);
    if (result) {
      const upload = await sessions.start(repository, store, async () => result);
      return progress(202, repository, upload.id, upload.offset);
    }
  }
  if (digest !== undefined && mount === undefined) return takeWhole(context, store, repository, digest);
  const upload = await sessions.start(repository, store, () => stage(store, algorithm));
  return progress(202, repository, upload.id, 0);
}

/** Says how far an upload is (end-13). */
export async function uploadStatus(context: Context, repository: string, id: string): Promise<ServerResponse> {
  await permit(context, { action: "push", repository });
  const store = await context.registry.repository(repository);
  return progress(204, repository, id, await context.sessions.offset(repository, id, store));
}

/** Takes one chunk, or a stream of unknown length (end-5). */
export async function appendToUpload(context: Context, repository: string, id: string): Promise<ServerResponse> {
  return withUpload(context, repository, id, async ({ upload }) => {
    await appendChunk(upload, context.request, context.maxBlobSize);
    return { ended: false, response: progress(202, repository, id, upload.offset) };
  });
}

/** Takes the last chunk if there is one, and makes the blob of it (end-6). */
export async function finishUpload(context: Context, repository: string, id: string): Promise<ServerResponse> {
  const digest = digestParameter(context, "digest");
  return withUpload(context, repository, id, async ({ upload }) => {
    if (digest === undefined) throw new OciError("DIGEST_INVALID", "The parameter digest is missing");
    await appendChunk(upload, context.request, context.maxBlobSize);
    const { size } = await upload.commit(digest);
    context.sizes.learn(digest, size);
    return { ended: true, response: created(repository, digest) };
  });
}

/** Throws an upload away (end-14). */
export async function cancelUpload(context: Context, repository: string, id: string): Promise<ServerResponse> {
  return withUpload(context, repository, id, async ({ upload }) => {
    await upload.abort();
    return { ended: true, response: { status: 204, headers: {} } };
  });
}

async function withUpload(
  context: Context,
  repository: string,
  id: string,
  work: (lease: Lease) => Promise<{ readonly ended: boolean; readonly response: ServerResponse }>,
): Promise<ServerResponse> {
  await permit(context, { action: "push", repository });
  const encoded = refuseEncoding(context.request);
  if (encoded) return encoded;
  const store = await context.registry.repository(repository);
  let lease: Lease | undefined;
  let ended = false;
  try {
    lease = await context.sessions.lease(repository, id, store);
    const done = await work(lease);
    ({ ended } = done);
    return done.response;
  } catch (error) {
    // A wrong digest ends an upload; an append or a range that does not fit leaves it as it is.
    ended = isOciError(error, "DIGEST_INVALID") && context.query.has("digest");
    if (lease && isOciError(error, "LIMIT_EXCEEDED")) {
      // It can never become a blob: what it holds is given back at once.
      await lease.upload.abort();
      ended = true;
    }
    if (!isOciError(error, "RANGE_INVALID")) throw error;
    const offset = lease?.upload.offset ?? (await context.sessions.offset(repository, id, store));
    return renderError(error, { headers: { location: uploadPath(repository, id), range: rangeOf(offset) } });
  } finally {
    await lease?.release(ended);
  }
}

async function takeWhole(context: Context, store: Store, repository: string, digest: Digest): Promise<ServerResponse> {
  const algorithm = algorithmOf(digest);
  await using upload = await stage(store, isAlgorithm(algorithm) ? algorithm : undefined);
  try {
    await appendChunk(upload, context.request, context.maxBlobSize);
    const { size } = await upload.commit(digest);
    context.sizes.learn(digest, size);
  } catch (error) {
    await upload.abort();
    throw error;
  }
  return created(repository, digest);
}

function stage(store: Store, algorithm: "sha256" | "sha512" | undefined): Promise<Upload> {
  if (!store.stage) throw new OciError("UNSUPPORTED", "This registry takes no uploads");
  return store.stage(algorithm === undefined ? {} : { algorithm });
}

/** @throws OciError DIGEST_INVALID, USAGE */
function digestParameter(context: Context, name: "digest" | "mount"): Digest | undefined {
  const text = single(context.query, name);
  return text === undefined ? undefined : knownDigest(text);
}

function uploadPath(repository: string, id: string): string {
  return `/v2/${repository}/blobs/uploads/${id}`;
}

/** Inclusive; by convention an empty upload says `0-0` too. */
function rangeOf(offset: number): string {
  return `0-${Math.max(offset - 1, 0)}`;
}

function progress(status: number, repository: string, id: string, offset: number): ServerResponse {
  return {
    status,
    headers: {
      location: uploadPath(repository, id),
      range: rangeOf(offset),
      "docker-upload-uuid": id,
      ...(status === 204 ? {} : { "content-length": "0" }),
    },
  };
}

function created(repository: string, digest: Digest): ServerResponse {
  return {
    status: 201,
    headers: {
      location: `/v2/${repository}/blobs/${digest}`,
      "docker-content-digest": digest,
      "content-length": "0",
    },
  };
}
