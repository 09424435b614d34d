import type { Digest } from "../spec/digest.ts";
import type { JsonValue } from "../spec/json.ts";
import type { RequirementKind } from "./policy.ts";

/** What came of one requirement on one manifest. */
export interface Verdict {
  readonly holds: boolean;
  /** What is there, one sentence without a period. */
  readonly found: string;
  /** What is missing or wrong. */
  readonly missing?: string;
  /** Until when it holds if nothing else changes, where it ages: RFC 3339. */
  readonly until?: string;
  /** The same for programs. */
  readonly details?: Readonly<Record<string, JsonValue>>;
}

export interface Finding extends Verdict {
  readonly requirement: RequirementKind;
  /** Of the policy's file. */
  readonly line: number;
  readonly digest: Digest;
  /** `linux/amd64`, "the index", "the image". */
  readonly on: string;
}

export interface RuleDecision {
  readonly rule: string;
  readonly holds: boolean;
  /** Why, where there are no findings. */
  readonly reason?: string;
  readonly findings: readonly Finding[];
}

/** What a policy says of one image or artifact in one repository, and why. */
export interface Decision {
  readonly allowed: boolean;
  readonly repository: string;
  readonly registry?: string;
  readonly tags: readonly string[];
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of the policy's file. */
  readonly policy: Digest;
  /** RFC 3339. */
  readonly decidedAt: string;
  /** From when on one of its findings is too old to count, RFC 3339; absent where none says. */
  readonly until?: string;
  /** Why it is refused, one sentence, or allowed without a rule. */
  readonly reason?: string;
  /** Those that are about it. */
  readonly rules: readonly RuleDecision[];
}
