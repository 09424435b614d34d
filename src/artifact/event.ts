import type { ContentStep } from "../graph/step.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Kind } from "../store/store.ts";
import type { TransferEvent } from "../transfer/event.ts";

/** What a push, attach or pull of files tells while it runs: the events of a transfer, and what a pull leaves behind. */
export type ArtifactEvent =
  | TransferEvent
  /** A layer that has no title to name a file by. */
  | { readonly type: "untitled"; readonly descriptor: Descriptor };

export type OnArtifactEvent = (event: ArtifactEvent) => void;

/** Announces content that is about to move. */
export function plannedContent(descriptor: Descriptor, kind: Kind, role: ContentStep["role"]): TransferEvent {
  return {
    type: "planned",
    step: { type: "content", action: "push", kind, role, descriptor, why: "named in the command", requires: [] },
  };
}

/** Tells that content is where it belongs: it moved, or it was there already. */
export function doneContent(descriptor: Descriptor, kind: Kind, existed: boolean): TransferEvent {
  return { type: "done", action: existed ? "skip" : "push", kind, descriptor };
}
