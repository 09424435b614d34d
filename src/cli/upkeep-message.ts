import type { CollectReport } from "../lifecycle/collect-garbage.ts";
import type { ScrubEvent, ScrubReport } from "../lifecycle/scrub.ts";

/** What the thread that keeps a root in order is asked for. */
export type UpkeepRequest =
  | { readonly type: "gc"; readonly grace: number }
  | { readonly type: "scrub"; readonly every: number; readonly rate: number }
  /** What is under way ends as soon as it can, and the thread with it. */
  | { readonly type: "close" };

/** What it tells; "ended" follows each request. */
export type UpkeepReply =
  | { readonly type: "collected"; readonly report: CollectReport; readonly milliseconds: number }
  | { readonly type: "scrubbed"; readonly report: ScrubReport }
  | Extract<ScrubEvent, { readonly type: "finding" }>
  | { readonly type: "upkeep-failed"; readonly work: "gc" | "scrub"; readonly message: string }
  | { readonly type: "ended"; readonly work: "gc" | "scrub" };
