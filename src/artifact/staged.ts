import type { Digest } from "../spec/digest.ts";

/** One thing that a pull is going to put into the output directory, staged beside it and whole. */
export type StagedEntry =
  | { readonly type: "directory"; readonly parts: readonly string[] }
  | {
      readonly type: "file";
      readonly parts: readonly string[];
      /** Where it is staged. */
      readonly path: string;
      readonly digest: Digest;
      readonly size: number;
    }
  | { readonly type: "symlink"; readonly parts: readonly string[]; readonly target: string };
