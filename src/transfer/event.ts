import type { Action, NamesStep, Step } from "../graph/step.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Kind } from "../store/store.ts";

/** What a transfer tells while it runs. Sizes are bytes. */
export type TransferEvent =
  /** A node joined the plan; its size is part of the total when it has to move. */
  | { readonly type: "planned"; readonly step: Step }
  /** The plan is complete: totals are final from here on. */
  | { readonly type: "plan-complete" }
  /** So many more bytes of a node passed. */
  | { readonly type: "progress"; readonly descriptor: Descriptor; readonly bytes: number }
  /** A node is at the target. */
  | { readonly type: "done"; readonly action: Action; readonly kind: Kind; readonly descriptor: Descriptor }
  /** The names are written. */
  | { readonly type: "named"; readonly step: NamesStep };

export type OnTransferEvent = (event: TransferEvent) => void;
