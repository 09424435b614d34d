import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/error/code.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Store } from "../../src/store/store.ts";

export interface Traits {
  /** The medium refuses a manifest whose config or layers are missing. */
  readonly closure?: boolean;
  /** Tags can be compared and swapped. */
  readonly guarded?: boolean;
  /** Tags can be deleted. */
  readonly untag?: boolean;
  /** Manifests and blobs can be deleted. */
  readonly remove?: boolean;
  /** Uploads can be suspended and resumed by id. */
  readonly resume?: boolean;
  /** sha512 content is taken. */
  readonly sha512?: boolean;
  /** Tags may be listed in pages. */
  readonly pages?: boolean;
  /** Manifests of unknown types are taken. */
  readonly opaque?: boolean;
  /** Indexes are taken without their children. */
  readonly sparse?: boolean;
  /** A blob asked for as a manifest is simply unknown. */
  readonly kinds?: boolean;
  /** Pushes and deletes of one manifest that come at the same time take turns. */
  readonly ordered?: boolean;
}

/** What a medium can do unless its test says otherwise: everything. */
export const ALL_TRAITS: Required<Traits> = {
  closure: true,
  guarded: true,
  untag: true,
  remove: true,
  resume: true,
  sha512: true,
  pages: true,
  opaque: true,
  sparse: true,
  kinds: true,
  ordered: true,
};

export interface Context {
  open(): Promise<Store>;
  readonly traits: Required<Traits>;
}

/** Asserts that a promise fails with an OciError of one of these codes. */
export async function failsWith(promise: Promise<unknown>, ...codes: readonly ErrorCode[]): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isOciError(error, ...codes), `expected ${codes.join(" or ")}, got ${String(error)}`);
    return true;
  });
}
