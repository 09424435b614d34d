import type { Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Source } from "../../store/store.ts";

/** What a judge found of one requirement. */
export interface JudgedFinding {
  readonly holds: boolean;
  readonly requirement: string;
  /** "the index", "linux/amd64". */
  readonly on: string;
  readonly found: string;
  readonly missing?: string;
}

export interface JudgedRule {
  readonly rule: string;
  readonly holds: boolean;
  readonly findings: readonly JudgedFinding[];
}

/** Whether pullers may see an image, and why not. */
export interface Judgement {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly rules: readonly JudgedRule[];
  /** From this moment on, RFC 3339, it has to be judged again, whatever hangs on it: something in it ages. */
  readonly until?: string;
}

export interface Question {
  readonly source: Pick<Source, "fetch" | "referrers">;
  readonly subject: Descriptor;
  readonly repository: string;
  /** All that name it. */
  readonly tags: readonly string[];
  readonly now: Date;
}

/** Says which images pullers may see: a policy, as the gate of a server asks it. */
export interface GateJudge {
  /** Of the policy. */
  readonly policy: Digest;
  /** Whether anything at all can be hidden in a repository. */
  guards(repository: string): boolean;
  /** What it throws hides the image. */
  judge(question: Question): Promise<Judgement>;
}

/** What becomes of images at the gate. */
export interface GateEvent {
  /** Pullers do not see it from now on; see it now; a push of a tag was turned away. */
  readonly type: "hidden" | "released" | "refused";
  readonly repository: string;
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly policy: Digest;
  /** The first rule that is not met. */
  readonly rule?: string;
  readonly reason?: string;
  /** It could not be judged, which hides it. */
  readonly error?: unknown;
}

export function brokenRule({ rules }: Judgement): { readonly rule?: string } {
  const broken = rules.find(({ holds }) => !holds);
  return broken ? { rule: broken.rule } : {};
}
