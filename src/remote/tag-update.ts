import { verifyBuffer } from "../bytes/verify.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { algorithmOf, type Digest } from "../spec/digest.ts";
import { parseTag } from "../spec/name.ts";
import type { Signal } from "../store/content.ts";
import type { NameChange } from "../store/names.ts";
import { eachLimited } from "./limiter.ts";
import type { Manifests } from "./manifests.ts";
import type { RepositoryApi } from "./repository-api.ts";

/** A digest that nothing has: what a registry with compare-and-swap must refuse to match. */
const NOBODY = `"sha256:${"0".repeat(64)}"`;

/**
 * Moves tags. A registry takes one at a time, so a batch is checked whole before the first
 * change but can stop in the middle. `expect` is compared first and, where the registry is
 * found to honour conditional requests, held by it too.
 */
export class TagUpdate {
  readonly #api: RepositoryApi;
  readonly #manifests: Manifests;

  constructor(api: RepositoryApi, manifests: Manifests) {
    this.#api = api;
    this.#manifests = manifests;
  }

  /** @throws OciError CONFLICT, MANIFEST_UNKNOWN, UNSUPPORTED (this registry deletes no tags) */
  async apply(changes: readonly NameChange[], options: Signal): Promise<{ readonly guarded: boolean }> {
    const size = this.#api.host.concurrency;
    const guards = new Map<NameChange, Record<string, string>>();
    await eachLimited(changes, size, async (change) => {
      parseTag(change.tag);
      if (change.to) await this.#bytes(change.to, options);
      if (change.expect !== undefined) guards.set(change, await this.#compare(change, change.expect, options));
    });
    const guarded = guards.size > 0 && (await this.#honoured(changes, options));
    await eachLimited(changes, size, async (change) => {
      await this.#change(change, guarded ? (guards.get(change) ?? {}) : {}, options);
    });
    return { guarded };
  }

  /** Points tags at a manifest whose bytes are known. */
  async name(descriptor: Descriptor, bytes: Uint8Array, tags: readonly string[], options: Signal): Promise<void> {
    if (algorithmOf(descriptor.digest) === "sha256") {
      await eachLimited(tags, this.#api.host.concurrency, async (tag) => {
        await this.#manifests.put({ reference: tag, descriptor, bytes }, options);
      });
      return;
    }
    // By its tag a registry would file it under sha256; the tag parameter keeps the digest (distribution-spec end-7b).
    for (const tag of tags) {
      const reference = `${descriptor.digest}?tag=${tag}`;
      const answer = await this.#manifests.put({ reference, descriptor, bytes }, options);
      if (!answer.tags.has(tag)) {
        throw new OciError(
          "UNSUPPORTED",
          `${this.#api.host.endpoint.host} cannot tag a manifest by its ${algorithmOf(descriptor.digest)} digest`,
          {
            digest: descriptor.digest,
            reference: tag,
          },
        );
      }
    }
  }

  async #change(change: NameChange, headers: Record<string, string>, options: Signal): Promise<void> {
    const { tag, to } = change;
    if (to === null) {
      await this.#manifests.delete({ tag }, options);
      return;
    }
    const bytes = await this.#bytes(to, options);
    if (Object.keys(headers).length === 0) await this.name(to, bytes, [tag], options);
    else await this.#manifests.put({ reference: tag, descriptor: to, bytes, headers }, options);
  }

  /** Compares a tag with what is expected, and gives the condition that says the same to the registry. */
  async #compare(change: NameChange, expect: Digest | null, options: Signal): Promise<Record<string, string>> {
    const current = await this.#manifests.head({ tag: change.tag }, options);
    if ((current?.digest ?? null) !== expect) {
      throw new OciError(
        "CONFLICT",
        `Tag ${JSON.stringify(change.tag)} is at ${current?.digest ?? "nothing"}, expected ${expect ?? "nothing"}`,
        { reference: change.tag },
      );
    }
    return expect === null ? { "if-none-match": "*" } : { "if-match": current?.etag ?? `"${expect}"` };
  }

  /**
   * Whether the registry honours If-Match, asked once per host in a way that changes nothing:
   * a manifest it has is put again under its own digest on a condition that cannot hold.
   */
  async #honoured(changes: readonly NameChange[], options: Signal): Promise<boolean> {
    const { quirks } = this.#api.host;
    if (quirks.conditionalPut !== undefined) return quirks.conditionalPut;
    const to = changes.find((change) => change.to)?.to;
    if (!to) return false;
    const shown = await this.#manifests.head({ digest: to.digest }, options);
    if (shown?.etag === undefined) {
      quirks.conditionalPut = false;
      return false;
    }
    const bytes = await this.#bytes(to, options);
    try {
      await this.#manifests.put(
        { reference: to.digest, descriptor: to, bytes, headers: { "if-match": NOBODY } },
        options,
      );
      quirks.conditionalPut = false;
    } catch (error) {
      if (!(error instanceof OciError) || error.context.status !== 412) throw error;
      quirks.conditionalPut = true;
    }
    return quirks.conditionalPut;
  }

  async #bytes(descriptor: Descriptor, options: Signal): Promise<Uint8Array> {
    if (descriptor.data !== undefined) return verifyBuffer(Buffer.from(descriptor.data, "base64"), descriptor);
    const found = await this.#manifests.get({ digest: descriptor.digest }, options);
    if (!found) throw this.#manifests.unknown({ digest: descriptor.digest });
    return found.bytes;
  }
}
