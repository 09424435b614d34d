import type { Descriptor } from "../spec/descriptor.ts";
import type { Kind } from "../store/store.ts";

/** What building or changing an image tells while it runs. */
export type ImageEvent =
  /** So many bytes of layers have been packed or brought over so far. */
  | { readonly type: "layers"; readonly bytes: number }
  /** Content is at the target. */
  | { readonly type: "written"; readonly kind: Kind; readonly descriptor: Descriptor; readonly existed: boolean };

export type OnImageEvent = (event: ImageEvent) => void;
