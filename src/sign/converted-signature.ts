import type { Descriptor } from "../spec/descriptor.ts";
import type { FoundSignature } from "./found-signature.ts";

/** What became of one signature, attestation or SBOM. */
export interface ConvertedSignature {
  readonly kind: FoundSignature["kind"] | "sbom";
  /** The manifest that it was in. */
  readonly from: Descriptor;
  readonly tag?: string;
  /** The manifest that it is in as well now; absent in a dry run, and where it stayed as it was. */
  readonly manifest?: Descriptor;
  /** Why it stayed as it was. */
  readonly kept?: string;
  /** It is no longer, or in a dry run would no longer be, where it was. */
  readonly removed?: true;
}
