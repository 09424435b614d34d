import { fromBuffer, type Bytes } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { skip } from "../bytes/skip.ts";
import { verifyBuffer } from "../bytes/verify.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type Algorithm, algorithmOf } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { type Manifest, parseManifest } from "../spec/manifest.ts";
import { parseTag } from "../spec/name.ts";
import { fallbackTag } from "../spec/referrer.ts";
import type { Upload } from "../store/blobs.ts";
import type { Content, ContentSource, Range, Signal } from "../store/content.ts";
import type { NameChange, Page, Referrer, ReferrersOptions, Tag } from "../store/names.ts";
import type {
  FetchOptions,
  Kind,
  KindOption,
  Location,
  Name,
  PushOptions,
  PushResult,
  ReferrersChange,
  Store,
} from "../store/store.ts";
import { RemoteBlobs } from "./blobs.ts";
import { DigestTags } from "./digest-tags.ts";
import { FallbackIndex } from "./fallback-index.ts";
import type { Host } from "./host.ts";
import { eachLimited } from "./limiter.ts";
import { Manifests } from "./manifests.ts";
import { pushBlob } from "./push-blob.ts";
import { Referrers } from "./referrers.ts";
import { RemoteUpload } from "./remote-upload.ts";
import { RepositoryApi, withAnswer } from "./repository-api.ts";
import { UploadSession } from "./session.ts";
import { TagUpdate } from "./tag-update.ts";
import { listTags } from "./tags.ts";

export interface RemoteStoreOptions {
  readonly chunkSize?: number;
  /** Milliseconds that a listing of digest tags is kept. */
  readonly digestTagsKept: number;
  readonly dispose?: () => Promise<void>;
}

/** One repository of a registry, over the distribution API. */
export class RemoteStore implements Store {
  readonly location: Location & { medium: "registry" };
  /** A registry refuses a manifest whose config or layers it does not have. */
  readonly closure = "image" as const;
  readonly #api: RepositoryApi;
  readonly #options: RemoteStoreOptions;
  readonly #manifests: Manifests;
  readonly #blobs: RemoteBlobs;
  readonly #digestTags: DigestTags;
  readonly #fallback: FallbackIndex;
  readonly #referrers: Referrers;
  readonly #tags: TagUpdate;

  constructor(host: Host, repository: string, options: RemoteStoreOptions) {
    this.location = { medium: "registry", origin: host.origin.origin, repository };
    const api = new RepositoryApi(host, repository);
    this.#api = api;
    this.#options = options;
    this.#manifests = new Manifests(api);
    this.#blobs = new RemoteBlobs(api);
    this.#digestTags = new DigestTags(api, options.digestTagsKept);
    this.#fallback = new FallbackIndex(api, this.#manifests);
    this.#referrers = new Referrers(api, {
      manifests: this.#manifests,
      fallback: this.#fallback,
      digestTags: this.#digestTags,
    });
    this.#tags = new TagUpdate(api, this.#manifests);
  }

  async resolve(name: Name, options: KindOption = {}): Promise<Descriptor> {
    if ("tag" in name) parseTag(name.tag);
    if (options.kind === "blob" && "digest" in name) return await this.#resolveBlob(name, options);
    const found = await this.#manifests.head(name, signalOf(options));
    if (!found) throw this.#manifests.unknown(name);
    return { mediaType: found.mediaType, digest: found.digest, size: found.size };
  }

  async exists(descriptor: Descriptor, options: KindOption = {}): Promise<boolean> {
    if (options.kind === "blob") return await this.#blobs.exists(descriptor, signalOf(options));
    const found = await this.#manifests.head({ digest: descriptor.digest }, signalOf(options));
    if (!found || found.size === descriptor.size) return found !== undefined;
    throw new OciError(
      "SIZE_INVALID",
      `${descriptor.digest} should have ${descriptor.size} bytes, ${this.#api.label} holds ${found.size}`,
      { digest: descriptor.digest },
    );
  }

  fetch(descriptor: Descriptor, options: FetchOptions = {}): Bytes {
    if (options.kind !== "blob") return this.#fetchManifest(descriptor, options);
    const { offset, verify, lent } = options;
    return this.#blobs.fetch(descriptor, {
      ...signalOf(options),
      ...(lent === undefined ? {} : { lent }),
      ...(offset === undefined ? {} : { offset }),
      ...(verify === undefined ? {} : { verify }),
    });
  }

  async open(descriptor: Descriptor, options: KindOption & { readonly range?: Range } = {}): Promise<Content> {
    if (options.kind === "blob") return await this.#blobs.open(descriptor, options);
    const found = await this.#manifests.get({ digest: descriptor.digest }, signalOf(options));
    if (!found) throw this.#manifests.unknown({ digest: descriptor.digest });
    const { start = 0, end = found.bytes.length } = options.range ?? {};
    if (options.range && start >= found.bytes.length) {
      throw new OciError("RANGE_INVALID", `${descriptor.digest} has ${found.bytes.length} bytes, none at ${start}`);
    }
    return {
      size: found.bytes.length,
      bytes: () => fromBuffer(Uint8Array.from(found.bytes.subarray(start, end + 1))),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  tags(options?: Page): AsyncIterable<Tag> {
    return listTags(this.#api, options);
  }

  referrers(subject: Descriptor, options?: ReferrersOptions): AsyncIterable<Referrer> {
    return this.#referrers.list(subject, options);
  }

  async push(descriptor: Descriptor, source: ContentSource, options: PushOptions): Promise<PushResult> {
    if (options.kind === "manifest") return await this.#pushManifest(descriptor, source, options);
    const signal = signalOf(options);
    if (options.absent !== true && (await this.#blobs.exists(descriptor, signal))) {
      return { existed: true, subjectHandled: false };
    }
    const { chunkSize } = this.#options;
    await pushBlob(this.#api, descriptor, source, { ...signal, ...(chunkSize === undefined ? {} : { chunkSize }) });
    return { existed: false, subjectHandled: false };
  }

  async update(changes: readonly NameChange[], options: Signal = {}): Promise<{ readonly guarded: boolean }> {
    try {
      return await this.#tags.apply(changes, signalOf(options));
    } finally {
      for (const { tag } of changes) this.#digestTags.forget(tag);
    }
  }

  async stage(options: { readonly algorithm?: Algorithm } & Signal = {}): Promise<Upload> {
    const session = await UploadSession.start(this.#api, options.algorithm ?? "sha256", signalOf(options));
    return new RemoteUpload(session, 0, this.#options.chunkSize);
  }

  async resume(id: string, options: Signal = {}): Promise<Upload> {
    return await RemoteUpload.resume(this.#api, id, this.#options.chunkSize, signalOf(options));
  }

  async mount(descriptor: Descriptor, from?: Location, options: Signal = {}): Promise<"mounted" | Upload | false> {
    if (from?.medium !== "registry" || from.origin !== this.location.origin) return false;
    if (from.repository === this.location.repository) return false;
    const query = new URLSearchParams({ mount: descriptor.digest, from: from.repository });
    const sent = this.#api.send({
      method: "POST",
      url: `${this.#api.path("blobs/uploads/")}?${query.toString()}`,
      body: new Uint8Array(0),
      alsoPull: from.repository,
      ...signalOf(options),
    });
    return await withAnswer(sent, (answer) => {
      if (answer.status === 201) return "mounted";
      // Whatever else it says, a push finds out better.
      if (answer.status !== 202) return false;
      return new RemoteUpload(UploadSession.from(this.#api, answer), 0, this.#options.chunkSize);
    });
  }

  async delete(descriptor: Descriptor, options: { readonly kind: Kind } & Signal): Promise<void> {
    const signal = signalOf(options);
    if (options.kind === "blob") {
      await this.#blobs.delete(descriptor.digest, signal);
      return;
    }
    const found = await this.#manifests.get({ digest: descriptor.digest }, signal);
    if (!found) throw this.#manifests.unknown({ digest: descriptor.digest });
    const { subject } = parseManifest(found.bytes, found.mediaType);
    await this.#manifests.delete({ digest: descriptor.digest }, signal);
    if (subject && !(await this.#referrers.supported(subject.digest, signal))) {
      await this.#writeFallback({ subject, add: [], remove: [descriptor.digest] }, signal);
    }
  }

  async listReferrers(changes: readonly ReferrersChange[], options: Signal = {}): Promise<void> {
    const signal = signalOf(options);
    await eachLimited(changes, this.#api.host.concurrency, async (change) => {
      if (await this.#referrers.supported(change.subject.digest, signal)) return;
      await this.#writeFallback(change, signal);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.dispose?.();
  }

  async #writeFallback(change: ReferrersChange, signal: Signal): Promise<void> {
    await this.#fallback.write(change, signal);
    this.#digestTags.forget(fallbackTag(change.subject.digest));
  }

  async #resolveBlob(name: Name & { digest: Descriptor["digest"] }, options: Signal): Promise<Descriptor> {
    const { digest } = name;
    const found = await this.#blobs.stat(digest, signalOf(options));
    if (!found) throw new OciError("BLOB_UNKNOWN", `No blob ${digest} in ${this.#api.label}`, { digest });
    if (found.size === undefined) {
      throw new OciError("PROTOCOL", `${this.#api.host.endpoint.host} does not tell the size of ${digest}`, { digest });
    }
    return { mediaType: "application/octet-stream", digest, size: found.size };
  }

  async *#fetchManifest(descriptor: Descriptor, options: FetchOptions): Bytes {
    checkManifestSize(descriptor);
    const found = await this.#manifests.get({ digest: descriptor.digest }, signalOf(options));
    if (!found) throw this.#manifests.unknown({ digest: descriptor.digest });
    // A copy: the chunk is the receiver's, the cache keeps its own.
    const bytes = Uint8Array.from(verifyBuffer(found.bytes, descriptor));
    yield* skip(fromBuffer(bytes), options.offset ?? 0);
  }

  async #pushManifest(descriptor: Descriptor, source: ContentSource, options: PushOptions): Promise<PushResult> {
    const signal = signalOf(options);
    checkManifestSize(descriptor);
    const bytes = verifyBuffer(await collect(source(), descriptor.size, `manifest ${descriptor.digest}`), descriptor);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const tags = (options.tags ?? []).map(parseTag);
    const existed = options.absent !== true && (await this.exists(descriptor, signal));
    let subjectHandled = false;
    let named = 0;
    if (!existed) {
      // By a tag it gets there as well, under the digest that a registry makes by itself.
      const [tag] = algorithmOf(descriptor.digest) === "sha256" ? tags : [];
      if (tag !== undefined) named = 1;
      const reference = tag ?? descriptor.digest;
      ({ subject: subjectHandled } = await this.#manifests.put({ reference, descriptor, bytes }, signal));
    } else if (manifest.subject) {
      subjectHandled = await this.#referrers.supported(manifest.subject.digest, signal);
    }
    await this.#tags.name(descriptor, bytes, tags.slice(named), signal);
    for (const tag of tags) this.#digestTags.forget(tag);
    return { existed, subjectHandled: subjectHandled && hasSubject(manifest) };
  }
}

function hasSubject(manifest: Manifest): boolean {
  return manifest.subject !== undefined;
}

function checkManifestSize(descriptor: Descriptor): void {
  if (descriptor.size <= Limits.manifest) return;
  throw new OciError(
    "LIMIT_EXCEEDED",
    `Manifest ${descriptor.digest} has ${descriptor.size} bytes, the limit is ${Limits.manifest}`,
    { digest: descriptor.digest },
  );
}

function signalOf(options: Signal): Signal {
  return options.signal ? { signal: options.signal } : {};
}
