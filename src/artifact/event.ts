import type { Descriptor } from "../spec/descriptor.ts";

/** What a push, attach or pull of files tells while it runs. */
export type ArtifactEvent =
  /** A blob or manifest is about to move; `title` is the file's name, when it has one. */
  | { readonly type: "start"; readonly descriptor: Descriptor; readonly title?: string }
  /** So many more bytes of it went through. */
  | { readonly type: "progress"; readonly descriptor: Descriptor; readonly bytes: number }
  /** It is there: "moved", or it "existed" and nothing moved. */
  | {
      readonly type: "done";
      readonly descriptor: Descriptor;
      readonly title?: string;
      readonly outcome: "moved" | "existed";
    }
  /** A layer that a pull leaves behind, because it has no title to name a file by. */
  | { readonly type: "skip"; readonly descriptor: Descriptor };

export type OnArtifactEvent = (event: ArtifactEvent) => void;
