import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type Digest, algorithmOf } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { type ImageIndex, parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { fallbackTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer, ReferrersOptions } from "../store/names.ts";
import type { DigestTags } from "./digest-tags.ts";
import type { FallbackIndex } from "./fallback-index.ts";
import { Pages } from "./link.ts";
import type { Manifests } from "./manifests.ts";
import { type RepositoryApi, withAnswer } from "./repository-api.ts";

interface ReferrersParts {
  readonly manifests: Manifests;
  readonly fallback: FallbackIndex;
  readonly digestTags: DigestTags;
}

/** What hangs on a manifest: the referrers API or its fallback tag, then the digest tags. */
export class Referrers {
  readonly #api: RepositoryApi;
  readonly #parts: ReferrersParts;

  constructor(api: RepositoryApi, parts: ReferrersParts) {
    this.#api = api;
    this.#parts = parts;
  }

  /** Each digest once, digest tags last; these have no artifact type, so a filter leaves them out. */
  async *list(subject: Descriptor, options: ReferrersOptions = {}): AsyncGenerator<Referrer, void, undefined> {
    const { artifactType, after, signal } = options;
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    const seen = new Set<string>();
    for await (const referrer of this.#all(subject, options.artifactType, signal ? { signal } : {})) {
      const { digest } = referrer.descriptor;
      if (artifactType !== undefined && referrer.descriptor.artifactType !== artifactType) continue;
      const key = referrer.tag ?? digest;
      if (seen.has(key) || (after !== undefined && digest <= after)) continue;
      if (seen.size >= Limits.referrers) {
        throw new OciError("LIMIT_EXCEEDED", `${subject.digest} has more than ${Limits.referrers} referrers`, {
          digest: subject.digest,
        });
      }
      if (left <= 0) return;
      left -= 1;
      seen.add(key);
      yield referrer;
    }
  }

  /** Whether the registry lists referrers itself, found out with one subject when it is not known yet. */
  async supported(subject: Digest, options: Signal): Promise<boolean> {
    const { quirks } = this.#api.host;
    if (quirks.referrersApi !== undefined) return quirks.referrersApi;
    const pages = this.#pages(subject, undefined, options);
    const first = await pages.next();
    await pages.return(undefined);
    return first.done !== true;
  }

  async *#all(
    subject: Descriptor,
    artifactType: string | undefined,
    options: Signal,
  ): AsyncGenerator<Referrer, void, undefined> {
    let listed = false;
    for await (const page of this.#pages(subject.digest, artifactType, options)) {
      listed = true;
      for (const descriptor of page) yield { descriptor, via: "api" };
    }
    const prefix = fallbackTag(subject.digest);
    const tags = artifactType === undefined ? await this.#parts.digestTags.of(prefix, options) : [];
    // One listing answers for every manifest of a walk; only without it the tag is asked for blindly. A registry
    // that got the API later may not have taken the old lists over, so they are read beside it.
    if (artifactType === undefined ? tags.includes(prefix) : !listed) {
      const entries = await this.#parts.fallback.read(subject, options);
      for (const descriptor of entries?.descriptors ?? []) {
        if (await this.#speaksOf(descriptor, subject, options)) yield { descriptor, via: "fallback-tag" };
      }
    }
    for (const tag of tags) {
      const found = await this.#parts.manifests.head({ tag }, options);
      // The fallback tag is a list and no referrer; anything else under it hangs on the digest like any digest tag.
      if (!found || found.digest === subject.digest || (tag === prefix && found.mediaType === MediaType.ImageIndex))
        continue;
      const { mediaType, digest, size } = found;
      yield { descriptor: { mediaType, digest, size }, via: "digest-tag", tag };
    }
  }

  /** A truncated tag may list the referrers of several sha512 subjects: the manifest itself tells. */
  async #speaksOf(descriptor: Descriptor, subject: Descriptor, options: Signal): Promise<boolean> {
    if (algorithmOf(subject.digest) === "sha256") return true;
    const found = await this.#parts.manifests.get({ digest: descriptor.digest }, options);
    return found !== undefined && parseManifest(found.bytes, descriptor.mediaType).subject?.digest === subject.digest;
  }

  /** The pages of the API; none at all, not even an empty one, where there is no API. */
  async *#pages(
    subject: Digest,
    artifactType: string | undefined,
    options: Signal,
  ): AsyncGenerator<readonly Descriptor[], void, undefined> {
    const { host } = this.#api;
    if (host.quirks.referrersApi === false) return;
    const pages = new Pages(host.origin.origin);
    const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
    let url: URL | undefined = new URL(this.#api.path(`referrers/${subject}${query}`), host.origin);
    for (let number = 0; url; number += 1) {
      const current: URL = url;
      const sent = this.#api.send({
        method: "GET",
        url: current,
        headers: { accept: MediaType.ImageIndex },
        ...options,
      });
      const page = await withAnswer(sent, async (answer) => {
        const type = answer.headers["content-type"]?.split(";", 1)[0]?.trim();
        const absent = answer.status === 404 || answer.status === 405 || answer.status === 501;
        if (number === 0 && (absent || (answer.status === 200 && type !== MediaType.ImageIndex))) {
          const failure =
            answer.status === 404 ? await this.#api.error(answer, "Listing referrers", "UNSUPPORTED") : undefined;
          // An unknown repository says nothing about the host.
          const unknownName = failure instanceof OciError && failure.code === "NAME_UNKNOWN";
          if (!unknownName) host.quirks.referrersApi = false;
          return undefined;
        }
        if (answer.status !== 200) {
          throw await this.#api.error(answer, "Listing referrers", "NAME_UNKNOWN", { digest: subject });
        }
        host.quirks.referrersApi = true;
        const bytes = await collect(answer.bytes(), Limits.answer, "list of referrers");
        const { manifests } = parseManifest(bytes, MediaType.ImageIndex) as ImageIndex;
        return { manifests, next: pages.next(answer.headers["link"], current) };
      });
      if (!page) return;
      yield page.manifests;
      url = page.next;
    }
  }
}
