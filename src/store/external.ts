import type { Bytes } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "./content.ts";

/** Reads a layer from one of the URLs of its descriptor, without credentials of any registry. */
export type FetchExternal = (
  descriptor: Descriptor,
  urls: readonly string[],
  options: Signal & { readonly offset?: number },
) => Bytes;
