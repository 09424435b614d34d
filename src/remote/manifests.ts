import { collect } from "../bytes/collect.ts";
import { digestOf } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import { type Descriptor, isMediaType } from "../spec/descriptor.ts";
import { algorithmOf, computableAlgorithm, type Digest, isAlgorithm, isDigest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { sniffManifestType } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Name } from "../store/store.ts";
import type { ApiAnswer } from "./host.ts";
import type { CachedManifest } from "./manifest-cache.ts";
import { contentLength, type RepositoryApi, withAnswer } from "./repository-api.ts";

const ACCEPT: string = [
  MediaType.ImageIndex,
  MediaType.ImageManifest,
  MediaType.DockerManifestList,
  MediaType.DockerManifest,
  MediaType.OciArtifactManifest,
  MediaType.OrasArtifactManifest,
  "*/*;q=0.5",
].join(", ");

/** A manifest as it came, checked against its digest. */
export interface FetchedManifest extends CachedManifest {
  readonly descriptor: Descriptor;
  readonly etag: string | undefined;
}

export interface PutManifest {
  readonly reference: string;
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: one try only, since a late one could undo what happened meanwhile. */
  readonly retry?: boolean;
}

/** The manifest endpoints (distribution-spec end-3, end-7, end-9). */
export class Manifests {
  readonly #api: RepositoryApi;

  constructor(api: RepositoryApi) {
    this.#api = api;
  }

  /** By HEAD where the answer says enough, else by GET. Undefined where it is absent. */
  async head(name: Name, options: Signal = {}): Promise<(Descriptor & { readonly etag?: string }) | undefined> {
    const reference = referenceOf(name);
    const found = await withAnswer(this.#request("HEAD", reference, options), async (answer) => {
      if (answer.status === 404) return undefined;
      // Some registries know no HEAD here; the GET says what is the matter.
      if (answer.status === 400 || answer.status === 405) return "unclear";
      if (answer.status !== 200) throw await this.#error(answer, "Looking up the manifest", reference);
      return this.#headed(answer, name) ?? "unclear";
    });
    if (found !== "unclear") return found;
    const fetched = await this.get(name, options);
    return fetched && { ...fetched.descriptor, ...(fetched.etag === undefined ? {} : { etag: fetched.etag }) };
  }

  /**
   * The manifest whole, in memory. Undefined where it is absent.
   * @throws OciError DIGEST_INVALID when the bytes or the digest header are not what was asked for
   */
  async get(name: Name, options: Signal = {}): Promise<FetchedManifest | undefined> {
    const reference = referenceOf(name);
    if ("digest" in name) {
      const cached = this.#api.host.manifests.get(this.#key(name.digest));
      if (cached) return { ...cached, descriptor: describe(name.digest, cached), etag: undefined };
    }
    return await withAnswer(this.#request("GET", reference, options), async (answer) => {
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw await this.#error(answer, "Fetching the manifest", reference);
      const bytes = await collect(answer.bytes(), Limits.manifest, `manifest ${reference}`);
      const digest = this.#checked(bytes, name, answer);
      const manifest = { bytes, mediaType: mediaTypeOf(answer) ?? sniff(bytes) };
      this.#api.host.manifests.set(this.#key(digest), manifest);
      return { ...manifest, descriptor: describe(digest, manifest), etag: answer.headers["etag"] };
    });
  }

  /** @returns what the registry said about the subject and the tags */
  async put(manifest: PutManifest, options: Signal = {}): Promise<{ subject: boolean; tags: ReadonlySet<string> }> {
    const { reference, descriptor, bytes } = manifest;
    const sent = this.#api.send({
      method: "PUT",
      url: this.#api.path(`manifests/${reference}`),
      headers: { "content-type": descriptor.mediaType, ...manifest.headers },
      body: bytes,
      ...(manifest.retry === undefined ? {} : { retry: manifest.retry }),
      ...options,
    });
    return await withAnswer(sent, async (answer) => {
      if (answer.status !== 201 && answer.status !== 200 && answer.status !== 202) {
        throw await this.#error(answer, "Pushing the manifest", reference, descriptor.digest);
      }
      const stored = answer.headers["docker-content-digest"];
      if (stored !== undefined && stored !== descriptor.digest && sameAlgorithm(stored, descriptor.digest)) {
        throw new OciError(
          "DIGEST_INVALID",
          `${this.#api.label} stored ${descriptor.digest} as ${stored.slice(0, 140)}`,
          {
            digest: descriptor.digest,
            reference,
          },
        );
      }
      this.#api.host.manifests.set(this.#key(descriptor.digest), { bytes, mediaType: descriptor.mediaType });
      const subject = answer.headers["oci-subject"] !== undefined;
      if (subject) this.#api.host.quirks.referrersApi = true;
      const tags = (answer.headers["oci-tag"] ?? "").split(",").map((tag) => tag.trim());
      return { subject, tags: new Set(tags) };
    });
  }

  /** @throws OciError MANIFEST_UNKNOWN, UNSUPPORTED */
  async delete(name: Name, options: Signal = {}): Promise<void> {
    const reference = referenceOf(name);
    const sent = this.#api.send({ method: "DELETE", url: this.#api.path(`manifests/${reference}`), ...options });
    await withAnswer(sent, async (answer) => {
      if (answer.status >= 200 && answer.status < 300) {
        if ("digest" in name) this.#api.host.manifests.delete(this.#key(name.digest));
        return;
      }
      const what = "tag" in name ? `tag ${JSON.stringify(name.tag)}` : `manifest ${name.digest}`;
      // The specification lets a registry that deletes no tags say so with either.
      if (answer.status === 405 || answer.status === 501 || (answer.status === 400 && "tag" in name)) {
        throw new OciError("UNSUPPORTED", `${this.#api.host.endpoint.host} does not delete the ${what}`, {
          operation: "Deleting",
          reference,
          status: answer.status,
          hint: "The registry's operator may have to turn deletion on",
        });
      }
      throw await this.#error(answer, `Deleting the ${what}`, reference);
    });
  }

  unknown(name: Name): OciError {
    const what = "tag" in name ? `tag ${JSON.stringify(name.tag)}` : `manifest ${name.digest}`;
    return new OciError("MANIFEST_UNKNOWN", `No ${what} in ${this.#api.label}`, {
      reference: referenceOf(name),
      ...("digest" in name ? { digest: name.digest } : {}),
    });
  }

  /** What one repository has, another may not have, or not for us. */
  #key(digest: Digest): string {
    return `${this.#api.name} ${digest}`;
  }

  #request(method: "GET" | "HEAD", reference: string, options: Signal): Promise<ApiAnswer> {
    return this.#api.send({
      method,
      url: this.#api.path(`manifests/${reference}`),
      headers: { accept: ACCEPT },
      ...options,
    });
  }

  #headed(answer: ApiAnswer, name: Name): (Descriptor & { readonly etag?: string }) | undefined {
    const header = answer.headers["docker-content-digest"];
    const size = contentLength(answer);
    const mediaType = mediaTypeOf(answer);
    const digest = header ?? ("digest" in name ? name.digest : undefined);
    if (digest === undefined || !isDigest(digest) || size === undefined || mediaType === undefined) return undefined;
    if ("digest" in name && digest !== name.digest) {
      // A registry may name its own algorithm; the content decides then.
      if (!sameAlgorithm(digest, name.digest)) return undefined;
      throw this.#lied(digest, name.digest);
    }
    const etag = answer.headers["etag"];
    return {
      mediaType,
      digest: "digest" in name ? name.digest : digest,
      size,
      ...(etag === undefined ? {} : { etag }),
    };
  }

  #checked(bytes: Uint8Array, name: Name, answer: ApiAnswer): Digest {
    const header = answer.headers["docker-content-digest"];
    if (header !== undefined && isDigest(header) && isAlgorithm(algorithmOf(header))) {
      const actual = digestOf(bytes, computableAlgorithm(header));
      if (actual !== header) throw this.#lied(actual, header);
      if ("tag" in name) return header;
    }
    if ("tag" in name) return digestOf(bytes);
    const actual = digestOf(bytes, computableAlgorithm(name.digest));
    if (actual !== name.digest) throw this.#lied(actual, name.digest);
    return actual;
  }

  #lied(actual: string, expected: string): OciError {
    return new OciError("DIGEST_INVALID", `${this.#api.label} answered with ${actual} where ${expected} was expected`, {
      digest: expected,
      hint: "The registry, or something on the way to it, changes content; do not trust it",
    });
  }

  async #error(answer: ApiAnswer, operation: string, reference: string, digest?: Digest): Promise<Error> {
    return await this.#api.error(answer, operation, "MANIFEST_UNKNOWN", { reference, ...(digest ? { digest } : {}) });
  }
}

function referenceOf(name: Name): string {
  return "tag" in name ? name.tag : name.digest;
}

function describe(digest: Digest, manifest: CachedManifest): Descriptor {
  return { mediaType: manifest.mediaType, digest, size: manifest.bytes.length };
}

function sameAlgorithm(left: string, right: string): boolean {
  return left.split(":", 1)[0] === right.split(":", 1)[0];
}

/** The Content-Type without parameters, unless it says nothing about the manifest. */
function mediaTypeOf(answer: ApiAnswer): string | undefined {
  const type = answer.headers["content-type"]?.split(";", 1)[0]?.trim() ?? "";
  const vague = type === "application/json" || type === "application/octet-stream" || type.startsWith("text/");
  return vague || !isMediaType(type) ? undefined : type;
}

function sniff(bytes: Uint8Array): string {
  try {
    return sniffManifestType(JSON.parse(Buffer.from(bytes).toString("utf8"))) ?? "application/octet-stream";
  } catch {
    return "application/octet-stream";
  }
}
