import { digestOf } from "../bytes/hash.ts";
import { fromBuffer } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { emptyBytes, emptyDescriptor } from "../spec/empty.ts";
import type { ContentSource, Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";

/** The part of a store that signatures are written to. */
export type SignTarget = Pick<
  Store,
  "location" | "resolve" | "exists" | "fetch" | "referrers" | "push" | "update" | "listReferrers"
>;

/** Bytes with the descriptor that names them. */
export interface Piece {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export function pieceOf(bytes: Uint8Array, mediaType: string): Piece {
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** The `{}` that every artifact without a configuration shares is pushed once to a store. */
const withEmpty = new WeakMap<SignTarget, Promise<unknown>>();

export async function pushEmpty(target: SignTarget, options: Signal): Promise<void> {
  const known = withEmpty.get(target) ?? pushBlob(target, { descriptor: emptyDescriptor, bytes: emptyBytes }, options);
  withEmpty.set(target, known);
  try {
    await known;
  } catch (error) {
    withEmpty.delete(target);
    throw error;
  }
}

export async function pushBlob(target: SignTarget, { descriptor, bytes }: Piece, options: Signal): Promise<boolean> {
  const { existed } = await target.push(descriptor, sourceOf(bytes), { kind: "blob", ...options });
  return existed;
}

/** Bytes at hand, to be sent again from any offset. */
export function sourceOf(bytes: Uint8Array): ContentSource {
  return ({ offset = 0 } = {}) => fromBuffer(bytes.subarray(offset));
}
