import { fromBuffer, type Bytes } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { limit } from "../bytes/limit.ts";
import { skip } from "../bytes/skip.ts";
import { verify, verifyBuffer } from "../bytes/verify.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm, type Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { type Manifest, parseManifest } from "../spec/manifest.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { Blobs } from "./blobs.ts";
import { checkClosure } from "./check-closure.ts";
import { describeLocation } from "./describe-location.ts";
import type { Content, ContentSource, Range, Signal } from "./content.ts";
import type { Change, ManifestChange, NameChange, Names } from "./names.ts";
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
} from "./store.ts";
import { manifestEdges } from "./successors.ts";
import { Turns } from "./turns.ts";
import { VerifiedFiles } from "./verified-files.ts";

export interface RepositoryOptions {
  readonly location: Location;
  /**
   * The names can tell a manifest that was never listed by its bytes, and keep no
   * referrers of their own accord: a push may leave a manifest unlisted, and
   * listReferrers lists many at once.
   */
  readonly unlisted?: boolean;
  /** Shared by all that are opened for one repository; its own by default. */
  readonly turns?: Turns;
  readonly dispose?: () => Promise<void>;
}

/** Puts the two ports together: the rules of push, delete and referrers, once for every medium. */
export function repository(blobs: Blobs, names: Names, options: RepositoryOptions): Store {
  return new Repository(blobs, names, options).store();
}

class Repository {
  readonly #blobs: Blobs;
  readonly #names: Names;
  readonly #options: RepositoryOptions;
  readonly #turns: Turns;
  readonly #verified: VerifiedFiles = new VerifiedFiles();

  constructor(blobs: Blobs, names: Names, options: RepositoryOptions) {
    this.#blobs = blobs;
    this.#names = names;
    this.#options = options;
    this.#turns = options.turns ?? new Turns();
  }

  store(): Store {
    const { unlisted, dispose } = this.#options;
    const { parents } = this.#names;
    return {
      location: this.#options.location,
      // Where other tools write too, a manifest does not prove that its layers are there.
      ...(unlisted ? {} : { closure: "image" as const }),
      resolve: (name, options) => this.#resolve(name, options),
      exists: (descriptor, options) => this.#exists(descriptor, options),
      fetch: (descriptor, options) => this.#fetch(descriptor, options),
      open: (descriptor, options) => this.#open(descriptor, options),
      tags: (page) => this.#names.tags(page),
      referrers: (subject, page) => this.#names.referrers(subject, page),
      ...(parents ? { parents: parents.bind(this.#names) } : {}),
      push: (descriptor, source, options) =>
        options.kind === "blob"
          ? this.#pushBlob(descriptor, source, options)
          : this.#pushManifest(descriptor, source, options),
      update: (changes, options) => this.#update(changes, options),
      stage: (options) => this.#blobs.stage(options),
      resume: (id, options) => this.#blobs.resume(id, options),
      delete: (descriptor, options) =>
        this.#turns.take(this.#turnOf(descriptor), () => this.#delete(descriptor, options)),
      ...(unlisted
        ? { listReferrers: (changes: readonly ReferrersChange[], options?: Signal) => this.#list(changes, options) }
        : {}),
      [Symbol.asyncDispose]: async () => dispose?.(),
    };
  }

  async #resolve(name: Name, options: KindOption = {}): Promise<Descriptor> {
    if ("tag" in name) {
      const tagged = await this.#names.get(name.tag, options);
      if (tagged) return tagged;
      throw new OciError("MANIFEST_UNKNOWN", `No tag ${JSON.stringify(name.tag)} in ${this.#where()}`, {
        reference: name.tag,
      });
    }
    if (options.kind === "blob") {
      const found = await this.#blobs.stat(name.digest, options);
      if (found) return { mediaType: "application/octet-stream", digest: name.digest, size: found.size };
      throw this.#unknown(name.digest, "blob");
    }
    const manifest = await this.#names.manifest(name.digest, options);
    if (manifest && (await this.#blobs.stat(name.digest, options))) return manifest;
    throw this.#unknown(name.digest, "manifest");
  }

  async #exists(descriptor: Descriptor, options: KindOption = {}): Promise<boolean> {
    const found = await this.#blobs.stat(descriptor.digest, options);
    // Another size is damage: not there, so that a push repairs it.
    if (found?.size !== descriptor.size) return false;
    return options.kind === "blob" || (await this.#names.manifest(descriptor.digest, options)) !== undefined;
  }

  async *#fetch(descriptor: Descriptor, options: FetchOptions = {}): Bytes {
    await using content = await this.#open(descriptor, options);
    if (content.size !== descriptor.size) {
      throw new OciError(
        "SIZE_INVALID",
        `${descriptor.digest} should have ${descriptor.size} bytes, ${this.#where()} holds ${content.size}`,
        { digest: descriptor.digest },
      );
    }
    const raw = content.bytes({ lent: options.lent === true });
    const bytes = options.verify === false ? raw : verify(raw, descriptor);
    yield* options.offset ? skip(bytes, options.offset) : bytes;
  }

  async #open(descriptor: Descriptor, options: KindOption & { readonly range?: Range } = {}): Promise<Content> {
    if (options.kind !== "blob" && !(await this.#blobs.stat(descriptor.digest, options))) {
      throw this.#unknown(descriptor.digest, "manifest");
    }
    return this.#blobs.open(descriptor.digest, options);
  }

  async #pushBlob(descriptor: Descriptor, source: ContentSource, options: PushOptions): Promise<PushResult> {
    // A push repairs: what is there only counts when it is whole.
    if (!options.absent && (await this.#isWhole(descriptor, options))) return { existed: true, subjectHandled: false };
    await this.#write(descriptor, source(), options);
    return { existed: false, subjectHandled: false };
  }

  async #isWhole(descriptor: Descriptor, { signal }: Signal): Promise<boolean> {
    const found = await this.#blobs.stat(descriptor.digest, { lease: true, ...(signal ? { signal } : {}) });
    if (found?.size !== descriptor.size) return false;
    if (this.#verified.has(descriptor.digest, found.stamp)) return true;
    try {
      for await (const _chunk of this.#fetch(descriptor, { kind: "blob", lent: true, ...(signal ? { signal } : {}) }));
      if (found.stamp !== undefined) this.#verified.add(descriptor.digest, found.stamp);
      return true;
    } catch (error) {
      if (isOciError(error, "DIGEST_INVALID", "SIZE_INVALID", "CONTENT_DAMAGED")) return false;
      throw error;
    }
  }

  async #pushManifest(descriptor: Descriptor, source: ContentSource, options: PushOptions): Promise<PushResult> {
    if (descriptor.size > Limits.manifest) {
      throw new OciError(
        "LIMIT_EXCEEDED",
        `Manifest ${descriptor.digest} has ${descriptor.size} bytes, the limit is ${Limits.manifest}`,
        { digest: descriptor.digest },
      );
    }
    const bytes = verifyBuffer(await collect(source(), descriptor.size, `manifest ${descriptor.digest}`), descriptor);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    return this.#turns.share(this.#turnOf(descriptor), () => this.#putManifest(descriptor, bytes, manifest, options));
  }

  /** Its bytes, then its names: a delete in between would leave names of nothing. */
  async #putManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    manifest: Manifest,
    options: PushOptions,
  ): Promise<PushResult> {
    const edges = manifestEdges(manifest);
    await checkClosure(this.#blobs, edges, options);
    const known = await this.#exists(descriptor, { ...options, kind: "manifest", lease: true });
    const existed = known && !options.absent && (await this.#isWhole(descriptor, options));
    if (!existed) await this.#write(descriptor, fromBuffer(bytes), options);
    const tags = options.tags ?? [];
    if (options.listed === false && this.#options.unlisted && tags.length === 0) {
      return { existed, subjectHandled: false };
    }
    const children = edges.filter((edge) => edge.role === "child").map((edge) => edge.descriptor.digest);
    const change: ManifestChange = {
      manifest: referrerDescriptor(manifest, descriptor),
      ...(manifest.subject ? { subject: manifest.subject } : {}),
      ...(children.length > 0 ? { children } : {}),
      present: true,
    };
    const bare = { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
    await this.#names.update([change, ...tags.map((tag): Change => ({ tag, to: bare }))], options);
    return { existed, subjectHandled: manifest.subject !== undefined };
  }

  async #write(descriptor: Descriptor, bytes: Bytes, options: Signal): Promise<void> {
    const algorithm = computableAlgorithm(descriptor.digest);
    await using upload = await this.#blobs.stage({ algorithm, ...options });
    try {
      const written = await upload.append(limit(bytes, descriptor, options.signal), 0, options);
      if (written !== descriptor.size) {
        throw new OciError(
          "SIZE_INVALID",
          `${descriptor.digest} should have ${descriptor.size} bytes, got ${written}`,
          {
            digest: descriptor.digest,
          },
        );
      }
      await upload.commit(descriptor.digest, options);
    } catch (error) {
      await upload.abort();
      throw error;
    }
  }

  /** While no manifest that gets a name is deleted. */
  async #update(changes: readonly NameChange[], options?: Signal): Promise<{ guarded: boolean }> {
    const targets = new Map(changes.flatMap(({ to }) => (to ? [[to.digest, to] as const] : [])));
    let work = (): Promise<{ guarded: boolean }> => this.#name(changes, options);
    for (const target of targets.values()) {
      const inner = work;
      work = () => this.#turns.share(this.#turnOf(target), inner);
    }
    return work();
  }

  async #name(changes: readonly NameChange[], options?: Signal): Promise<{ guarded: boolean }> {
    for (const { tag, to } of changes) {
      if (to && !(await this.#blobs.stat(to.digest, { ...options, lease: true }))) {
        throw new OciError(
          "MANIFEST_UNKNOWN",
          `Cannot name ${to.digest} ${JSON.stringify(tag)}: it is not in ${this.#where()}`,
          {
            digest: to.digest,
            reference: tag,
          },
        );
      }
    }
    await this.#names.update(changes, options);
    return { guarded: true };
  }

  async #list(changes: readonly ReferrersChange[], options?: Signal): Promise<void> {
    const batch = changes.flatMap(({ subject, add, remove }) => [
      ...add.map((manifest): Change => ({ manifest, subject, present: true })),
      ...remove.map((digest): Change => ({
        manifest: { mediaType: "application/octet-stream", digest, size: 0 },
        subject,
        present: false,
      })),
    ]);
    if (batch.length > 0) await this.#names.update(batch, options);
  }

  async #delete(descriptor: Descriptor, options: { readonly kind: Kind } & Signal): Promise<void> {
    const manifest = await this.#names.manifest(descriptor.digest, options);
    const found = await this.#blobs.stat(descriptor.digest, options);
    if (options.kind === "blob") {
      if (!found) throw this.#unknown(descriptor.digest, "blob");
      if (manifest) {
        throw new OciError(
          "UNSUPPORTED",
          `${descriptor.digest} is a manifest here, so it cannot be deleted as a blob`,
          {
            digest: descriptor.digest,
            hint: "Delete it with: berth manifest rm",
          },
        );
      }
      return this.#blobs.remove(descriptor.digest, options);
    }
    if (!manifest || !found) throw this.#unknown(descriptor.digest, "manifest");
    const subject = await this.#subject(manifest, options);
    // Names first: a crash in between leaves an unnamed file, never a name of nothing.
    await this.#names.update([{ manifest, ...(subject ? { subject } : {}), present: false }], options);
    return this.#blobs.remove(descriptor.digest, options);
  }

  /** A damaged manifest has no subject anybody could know; it can still be deleted. */
  async #subject(manifest: Descriptor, options: Signal): Promise<Descriptor | undefined> {
    try {
      const bytes = await collect(this.#fetch(manifest, options), Limits.manifest, `manifest ${manifest.digest}`);
      return parseManifest(bytes, manifest.mediaType).subject;
    } catch (error) {
      if (error instanceof OciError && error.facts.exit === 5) return undefined;
      throw error;
    }
  }

  #turnOf({ digest }: Descriptor): string {
    return `${this.#where()}@${digest}`;
  }

  #where(): string {
    return describeLocation(this.#options.location);
  }

  #unknown(digest: Digest, kind: Kind): OciError {
    return new OciError(
      kind === "blob" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN",
      `No ${kind} ${digest} in ${this.#where()}`,
      {
        digest,
      },
    );
  }
}
