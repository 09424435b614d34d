import type { FollowEvent } from "./follow-event.ts";

/** What a depot tells of the work that nobody waits for. */
export type DepotEvent =
  | FollowEvent
  /** Equal blobs could not be made one file. */
  | {
      readonly type: "deduplication-failed";
      readonly repository: string;
      readonly digest: string;
      readonly error: unknown;
    }
  /** A damaged blob was replaced by a whole one that came in elsewhere. */
  | { readonly type: "repaired"; readonly repository: string; readonly digest: string };
