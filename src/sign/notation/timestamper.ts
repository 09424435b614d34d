import type { HashName } from "../algorithm.ts";
import type { Signal } from "../../store/content.ts";

/** Has an authority vouch for the time. */
export interface Timestamper {
  /** @returns a TimeStampToken over the bytes, DER */
  stamp(message: Uint8Array, hash: HashName, options: Signal): Promise<Uint8Array>;
}
