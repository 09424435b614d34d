import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { bareDescriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { fallbackTag, parseDigestTag } from "../spec/referrer.ts";
import {
  taggedConflict,
  type Change,
  isNameChange,
  type Names,
  type Page,
  type Referrer,
  type ReferrersOptions,
  type Tag,
} from "../store/names.ts";

function ascii(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Names in maps. */
export class MemoryNames implements Names {
  readonly #tags = new Map<string, Descriptor>();
  readonly #manifests = new Map<Digest, Descriptor>();
  /** By subject, then by the referrer's own digest. */
  readonly #referrers = new Map<Digest, Map<Digest, Descriptor>>();
  /** By child, then by the index's own digest. */
  readonly #parents = new Map<Digest, Map<Digest, Descriptor>>();

  async get(tag: string): Promise<Descriptor | undefined> {
    return this.#tags.get(tag);
  }

  async manifest(digest: Digest): Promise<Descriptor | undefined> {
    return this.#manifests.get(digest);
  }

  async *tags(options: Page = {}): AsyncIterable<Tag> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for (const name of [...this.#tags.keys()].toSorted(ascii)) {
      if (options.after !== undefined && name <= options.after) continue;
      if (left-- <= 0) return;
      const descriptor = this.#tags.get(name);
      if (descriptor) yield { name, descriptor };
    }
  }

  async *referrers(subject: Descriptor, options: ReferrersOptions = {}): AsyncIterable<Referrer> {
    const { artifactType, after, limit = Number.POSITIVE_INFINITY } = options;
    let left = limit;
    const listed = this.#referrers.get(subject.digest) ?? new Map<Digest, Descriptor>();
    for (const digest of [...listed.keys()].toSorted(ascii)) {
      const descriptor = listed.get(digest);
      if (!descriptor || (after !== undefined && digest <= after)) continue;
      if (artifactType !== undefined && descriptor.artifactType !== artifactType) continue;
      if (left-- <= 0) return;
      yield { descriptor, via: "api" };
    }
    if (artifactType !== undefined) return;
    const prefix = fallbackTag(subject.digest);
    for (const [tag, descriptor] of this.#tags) {
      const parsed = parseDigestTag(tag);
      if (parsed?.prefix !== prefix || parsed.suffix === "") continue;
      if (left-- <= 0) return;
      yield { descriptor, via: "digest-tag", tag };
    }
  }

  async *parents(child: Digest): AsyncIterable<Descriptor> {
    yield* this.#parents.get(child)?.values().toArray() ?? [];
  }

  async update(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      if (!isNameChange(change) && change.unlessTagged) this.#requireUntagged(change.manifest.digest);
      if (isNameChange(change) && change.expect !== undefined) {
        const current = this.#tags.get(change.tag)?.digest ?? null;
        if (current !== change.expect) {
          throw new OciError(
            "CONFLICT",
            `Tag ${JSON.stringify(change.tag)} is at ${current ?? "nothing"}, expected ${change.expect ?? "nothing"}`,
            { reference: change.tag },
          );
        }
      }
    }
    for (const change of changes) this.#apply(change);
  }

  #requireUntagged(digest: Digest): void {
    for (const [tag, descriptor] of this.#tags) if (descriptor.digest === digest) throw taggedConflict(digest, tag);
  }

  #apply(change: Change): void {
    if (isNameChange(change)) {
      if (change.to) this.#tags.set(change.tag, bareDescriptor(change.to));
      else this.#tags.delete(change.tag);
      return;
    }
    const { manifest, subject, children = [], present } = change;
    if (present) {
      this.#manifests.set(manifest.digest, bareDescriptor(manifest));
      for (const child of children) {
        const parents = this.#parents.get(child) ?? new Map<Digest, Descriptor>();
        this.#parents.set(child, parents.set(manifest.digest, bareDescriptor(manifest)));
      }
      if (!subject) return;
      const listed = this.#referrers.get(subject.digest) ?? new Map<Digest, Descriptor>();
      this.#referrers.set(subject.digest, listed.set(manifest.digest, manifest));
      return;
    }
    this.#manifests.delete(manifest.digest);
    for (const [tag, descriptor] of this.#tags) if (descriptor.digest === manifest.digest) this.#tags.delete(tag);
    for (const listed of [...this.#referrers.values(), ...this.#parents.values()]) listed.delete(manifest.digest);
  }
}
