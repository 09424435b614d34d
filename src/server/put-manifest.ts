import { fromBuffer } from "../bytes/bytes.ts";
import { digestOf } from "../bytes/hash.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { type Descriptor, isMediaType } from "../spec/descriptor.ts";
import { computableAlgorithm, type Digest } from "../spec/digest.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { type Manifest, parseManifest, sniffManifestType } from "../spec/manifest.ts";
import { isKnownManifestType } from "../spec/media-type.ts";
import { parseTag } from "../spec/name.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { NameChange } from "../store/names.ts";
import type { Name, Store } from "../store/store.ts";
import { type Access, refusal } from "./authorize.ts";
import { etagOf, matchHits } from "./conditional.ts";
import { refuseEncoding } from "./content-encoding.ts";
import { type Context, permit, signalOf } from "./context.ts";
import type { HeldBody } from "./held-bodies.ts";
import { header, type ServerRequest, type ServerResponse } from "./message.ts";
import { warningsOf } from "./warning.ts";

/** Tags that one push by digest may set; the spec asks for at least ten. */
const MOST_TAGS = 100;

/** Takes a manifest in, under a tag, a digest, or a digest with tags (end-7a, end-7b). */
export async function putManifest(context: Context, repository: string, name: Name): Promise<ServerResponse> {
  const { request } = context;
  const extra = extraTags(context, name);
  const tags = "tag" in name ? [name.tag] : extra;
  if (tags.length === 0) await permit(context, { action: "push", repository });
  for (const tag of tags) await permitTag(context, repository, tag);
  const encoded = refuseEncoding(request);
  if (encoded) return encoded;
  using body = await readBody(context);
  const { bytes } = body;
  const mediaType = mediaTypeOf(request, bytes);
  const digest = digestOf(bytes, "digest" in name ? computableAlgorithm(name.digest) : "sha256");
  if ("digest" in name && digest !== name.digest) {
    throw new OciError("DIGEST_INVALID", `The manifest has the digest ${digest}, not ${name.digest}`, { digest });
  }
  const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
  const manifest = parseManifest(bytes, mediaType);
  const store = await context.registry.repository(repository);
  await checkType(store, descriptor);
  if (tags.length === 0) await checkOwnGuard(context, store, descriptor);
  const guards = await guardsOf(context, store, repository, tags);
  const guarded = guards.size > 0;
  const pushed = await store.push(descriptor, () => fromBuffer(bytes), {
    kind: "manifest",
    closed: !context.isSparse(repository),
    ...(guarded ? {} : { tags }),
    ...signalOf(context),
  });
  if (guarded) {
    await store.update(
      tags.map((tag): NameChange => {
        const expect = guards.get(tag);
        return { tag, to: descriptor, ...(expect === undefined ? {} : { expect }) };
      }),
    );
  }
  const warnings = warningsOf(manifest);
  const subject = await listUnderSubject(store, manifest, descriptor, pushed.subjectHandled);
  return {
    status: 201,
    headers: {
      "content-length": "0",
      location: `/v2/${repository}/manifests/${"tag" in name ? name.tag : digest}`,
      "docker-content-digest": digest,
      etag: etagOf(digest),
      ...(subject === undefined ? {} : { "oci-subject": subject }),
      ...(extra.length === 0 ? {} : { "oci-tag": extra }),
      ...(warnings.length === 0 ? {} : { warning: warnings }),
    },
  };
}

function extraTags(context: Context, name: Name): readonly string[] {
  const tags = [...new Set(context.query.get("tag") ?? [])].map(parseTag);
  if (tags.length > MOST_TAGS) {
    throw new OciError("LIMIT_EXCEEDED", `A push sets at most ${MOST_TAGS} tags, got ${tags.length}`);
  }
  if (tags.length > 0 && "tag" in name) {
    throw new OciError("USAGE", "The parameter tag goes with a push by digest, this one is by tag");
  }
  return tags;
}

/** @throws OciError LIMIT_EXCEEDED before or while it reads, TOOMANYREQUESTS */
async function readBody({ request, bodies }: Context): Promise<HeldBody> {
  const length = Number(header(request, "content-length") ?? 0);
  if (length > Limits.manifest) {
    throw new OciError("LIMIT_EXCEEDED", `The manifest has ${length} bytes, the limit is ${Limits.manifest}`);
  }
  return bodies.take(request.body, Limits.manifest, "manifest");
}

/**
 * The type it is stored under: the Content-Type without its parameters, else what the
 * document says of itself. The two must agree (CVE-2021-41190).
 */
function mediaTypeOf(request: ServerRequest, bytes: Uint8Array): string {
  const given = header(request, "content-type")?.split(";", 1)[0]?.trim();
  if (given !== undefined && given !== "") {
    if (!isMediaType(given)) {
      throw new OciError("MANIFEST_INVALID", `Content-Type ${JSON.stringify(given.slice(0, 80))} is no media type`);
    }
    // parseManifest compares those it knows.
    if (isKnownManifestType(given)) return given;
    const own = ownType(bytes);
    if (own !== undefined && own !== given && isKnownManifestType(own)) {
      throw new OciError("MANIFEST_INVALID", `The manifest is ${own}, but its Content-Type is ${given}`);
    }
    return given;
  }
  const own = ownType(bytes);
  if (own !== undefined && isMediaType(own)) return own;
  throw new OciError("MANIFEST_INVALID", "The manifest has neither a Content-Type nor a mediaType of its own");
}

/** A document that does not say what it is stays what it was first taken as (CVE-2021-41190). */
async function checkType(store: Store, { digest, mediaType }: Descriptor): Promise<void> {
  const here = await store.resolve({ digest }).catch((error: unknown) => {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
    throw error;
  });
  if (here && here.mediaType !== mediaType) {
    throw new OciError("MANIFEST_INVALID", `This manifest is here as ${here.mediaType}, it came as ${mediaType}`, {
      digest,
    });
  }
}

function ownType(bytes: Uint8Array): string | undefined {
  try {
    const document = parseJson(bytes, "manifest");
    const known = sniffManifestType(document);
    if (known !== undefined) return known;
    const own = isJsonObject(document) ? document["mediaType"] : undefined;
    return typeof own === "string" ? own : undefined;
  } catch (error) {
    // A type that berth does not know need not be JSON.
    if (isOciError(error)) return undefined;
    throw error;
  }
}

/** Whoever may move the tag may push it; whoever may only create it is asked about again in {@link guardsOf}. */
async function permitTag(context: Context, repository: string, tag: string): Promise<void> {
  const { who } = context.request;
  const move: Access = { action: "push", repository, tag, exists: true };
  if ((await context.authorize(who, move)) === "allow") return;
  await permit(context, { ...move, exists: false });
}

/**
 * What each tag has to be at for the write to count: by If-Match and If-None-Match, and
 * "absent" for those who may create tags but not move them.
 */
async function guardsOf(
  context: Context,
  store: Store,
  repository: string,
  tags: readonly string[],
): Promise<ReadonlyMap<string, Digest | null>> {
  const guards = new Map<string, Digest | null>();
  const { who } = context.request;
  const ifMatch = header(context.request, "if-match");
  const ifNoneMatch = header(context.request, "if-none-match");
  for (const tag of tags) {
    const move: Access = { action: "push", repository, tag, exists: true };
    const verdict = await context.authorize(who, move);
    if (verdict === "allow" && ifMatch === undefined && ifNoneMatch === undefined) continue;
    const current = await currentDigest(store, tag);
    if (verdict !== "allow") {
      if (current !== undefined) throw refusal(verdict, who, move);
      guards.set(tag, null);
    }
    if (ifMatch !== undefined) {
      if (current === undefined || !matchHits(ifMatch, current)) throw conflict(tag, "If-Match", current);
      guards.set(tag, current);
    }
    if (ifNoneMatch !== undefined) {
      if (matchHits(ifNoneMatch, current)) throw conflict(tag, "If-None-Match", current);
      guards.set(tag, current ?? null);
    }
  }
  return guards;
}

/** If-Match on a push by digest alone speaks of the manifest itself, as on any other resource. */
async function checkOwnGuard(context: Context, store: Store, descriptor: Descriptor): Promise<void> {
  const ifMatch = header(context.request, "if-match");
  if (ifMatch === undefined) return;
  const here = (await store.exists(descriptor)) ? descriptor.digest : undefined;
  if (!matchHits(ifMatch, here)) {
    throw new OciError("CONFLICT", `If-Match does not hold: this is ${here ?? "not here"}`);
  }
}

function conflict(tag: string, condition: string, current: Digest | undefined): OciError {
  return new OciError(
    "CONFLICT",
    `${condition} does not hold: tag ${JSON.stringify(tag)} is at ${current ?? "nothing"}`,
  );
}

async function currentDigest(store: Store, tag: string): Promise<Digest | undefined> {
  try {
    return (await store.resolve({ tag })).digest;
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
    throw error;
  }
}

/** Sees to it that the referrers API lists the manifest; returns the digest for OCI-Subject. */
async function listUnderSubject(
  store: Store,
  manifest: Manifest,
  descriptor: Descriptor,
  handled: boolean,
): Promise<Digest | undefined> {
  const { subject } = manifest;
  if (!subject) return undefined;
  if (!handled) {
    if (!store.listReferrers) return undefined;
    await store.listReferrers([{ subject, add: [referrerDescriptor(manifest, descriptor)], remove: [] }]);
  }
  return subject.digest;
}
