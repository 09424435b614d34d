import type { Descriptor } from "../spec/descriptor.ts";

/** One node that got another digest. */
export interface NodeChange {
  readonly role: "index" | "manifest" | "config" | "layer" | "referrer";
  readonly from: Descriptor;
  readonly to: Descriptor;
}
