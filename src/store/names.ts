import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "./content.ts";

export interface Page extends Signal {
  /** Only what sorts after this, whether it exists or not. */
  readonly after?: string;
  /** At most so many. */
  readonly limit?: number;
}

/**
 * A tag comes, moves (`to`) or goes (`to: null`); `expect` is compared first, null meaning absent. A registry, which
 * names a manifest by sending it again, need not be asked for one that stands in `to.data`.
 */
export interface NameChange {
  readonly tag: string;
  readonly to: Descriptor | null;
  readonly expect?: Digest | null;
}

/** A manifest appears or goes. */
export interface ManifestChange {
  /** Carries artifactType and annotations as a referrers listing shows them, when it has a subject. */
  readonly manifest: Descriptor;
  readonly subject?: Descriptor;
  /** Manifests that this one lists, so that a medium need not list them on their own. */
  readonly children?: readonly Digest[];
  readonly present: boolean;
  /** It goes only while no tag names it: CONFLICT otherwise. Garbage collection says so. */
  readonly unlessTagged?: boolean;
}

export type Change = NameChange | ManifestChange;

export function isNameChange(change: Change): change is NameChange {
  return "tag" in change;
}

/** The error of a manifest that should go {@link ManifestChange.unlessTagged}. */
export function taggedConflict(digest: Digest, tag: string): OciError {
  return new OciError("CONFLICT", `${digest} is named ${JSON.stringify(tag)}, expected no tag`, { digest });
}

/** How a referrer was found. */
export type Via = "api" | "fallback-tag" | "index-entry" | "digest-tag";

export interface Referrer {
  readonly descriptor: Descriptor;
  readonly via: Via;
  /** The tag it was found under, when via is "digest-tag": it is part of what has to be copied. */
  readonly tag?: string;
}

export interface ReferrersOptions extends Page {
  readonly artifactType?: string;
}

export interface Tag {
  readonly name: string;
  readonly descriptor?: Descriptor;
}

/** The second port: what is a manifest here, and what points at it. */
export interface Names {
  get(tag: string, options?: Signal): Promise<Descriptor | undefined>;
  /** The descriptor (type, digest, size) of a digest that is a manifest here. */
  manifest(digest: Digest, options?: Signal): Promise<Descriptor | undefined>;
  /** In ASCII order. */
  tags(options?: Page): AsyncIterable<Tag>;
  /** In ASCII order of their digests; the digest tags among the names included, last. */
  referrers(subject: Descriptor, options?: ReferrersOptions): AsyncIterable<Referrer>;
  /** The indexes that list a manifest, as `Source.parents` has it. */
  parents?(child: Digest, options?: Signal): AsyncIterable<Descriptor>;
  /**
   * Applies one batch, all or none, durably.
   * @throws OciError CONFLICT when an `expect` does not hold; nothing has changed then
   */
  update(changes: readonly Change[], options?: Signal): Promise<void>;
}
