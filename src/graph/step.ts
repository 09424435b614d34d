import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { NameChange } from "../store/names.ts";
import type { Kind } from "../store/store.ts";
import type { Role } from "../store/successors.ts";

/** What is done with one node. */
export type Action = "push" | "mount" | "link" | "skip";

/** A node of the graph and what becomes of it. */
export interface ContentStep {
  readonly type: "content";
  readonly action: Action;
  readonly kind: Kind;
  readonly role: Role | "root" | "referrer";
  readonly descriptor: Descriptor;
  /** Why this and nothing else, in a few words. */
  readonly why: string;
  /** What has to be at the target before; all of it came earlier in the plan. */
  readonly requires: readonly Descriptor[];
  /** On a referrer: what it hangs on. */
  readonly subject?: Descriptor;
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
