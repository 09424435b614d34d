import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Platform } from "../spec/platform.ts";
import type { NameChange, Via } from "../store/names.ts";
import type { Kind } from "../store/store.ts";
import type { Role } from "../store/successors.ts";

/** What is done with one node. */
export type Action = "push" | "mount" | "link" | "skip";

export type StepRole = Role | "root" | "referrer";

/** One station on the way from a root to a node. */
export interface PathNode {
  readonly role: StepRole;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Of a root: what it is called. */
  readonly tags?: readonly string[];
  /** Of a child of an index. */
  readonly platform?: Platform;
  /** Of a referrer. */
  readonly artifactType?: string;
  /** Of a referrer: how it was found, and under which digest tag. */
  readonly via?: Via;
  readonly tag?: string;
}

/** A node of the graph and what becomes of it. */
export interface ContentStep {
  readonly type: "content";
  readonly action: Action;
  readonly kind: Kind;
  readonly role: StepRole;
  readonly descriptor: Descriptor;
  /** Why this and nothing else, in a few words. */
  readonly why: string;
  /** What has to be at the target before; all of it came earlier in the plan. */
  readonly requires: readonly Descriptor[];
  /** On a referrer: what it hangs on. */
  readonly subject?: Descriptor;
  /** A layer that lies outside of registries: where its descriptor says it can be fetched. */
  readonly external?: readonly string[];
  /** It is fetched from there, since the source lacks it. */
  readonly fetched?: boolean;
  /** Skipped although the target lacks it: the source has none to give. */
  readonly absent?: boolean;
  /** Whether the target has it was not asked. */
  readonly unasked?: boolean;
  /** How it belongs to the graph, from the root down to itself; only where it was asked for. */
  readonly path?: readonly PathNode[];
}

/** Referrers of one subject that the target may have to be told of. */
export interface ReferrersStep {
  readonly type: "referrers";
  readonly subject: Descriptor;
  readonly referrers: readonly Descriptor[];
}

/** The names, last: digest tags first, then the tags that make it all visible. */
export interface NamesStep {
  readonly type: "names";
  readonly changes: readonly NameChange[];
  /** Names that are right already. */
  readonly unchanged: readonly string[];
}

export type Step = ContentStep | ReferrersStep | NamesStep;

/** Identity of a node: kind and digest. */
export type NodeKey = `${"m" | "b"}${Digest}`;

export function nodeKey(kind: Kind, digest: Digest): NodeKey {
  return `${kind === "manifest" ? "m" : "b"}${digest}`;
}
