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
  /** What others wrote into a layout is not known, because it cannot be read. It is tried again. */
  | { readonly type: "unreadable"; readonly repository: string; readonly error: unknown }
  /** An index.json could not be written: other tools do not see what was pushed. It is tried again. */
  | { readonly type: "index-not-written"; readonly repository: string; readonly error: unknown }
  /** A damaged index.json was moved away, and is written anew. */
  | { readonly type: "index-set-aside"; readonly repository: string; readonly path: string; readonly reason: string };
