import type { Digest } from "../spec/digest.ts";
import type { TagVerdict } from "./follow-merge.ts";

/** What is told of the work between the catalog and the layouts. */
export type FollowEvent =
  | {
      /** Somebody else set a tag, and the catalog's word stands. */
      readonly type: "tag-kept";
      readonly repository: string;
      readonly tag: string;
      readonly ours: Digest | null;
      readonly theirs: Digest;
      readonly reason: Extract<TagVerdict, "conflict" | "stale">;
    }
  | { readonly type: "layout-imported"; readonly repository: string; readonly tags: number; readonly manifests: number }
  | { readonly type: "index-written"; readonly repository: string; readonly milliseconds: number }
  | {
      /** It is left as it is and tried again. */
      readonly type: "layout-not-followed";
      readonly repository: string;
      readonly message: string;
    };
