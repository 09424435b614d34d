import { referrerEntry } from "../names/index-json-batch.ts";
import type { ManifestReader } from "../names/index-json-facts.ts";
import type { FollowedNames } from "../names/sql-follow.ts";
import { bareDescriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { type LayoutEntry, layoutEntry } from "../spec/layout-index.ts";

/** What index.json has to say of a manifest besides its tags. */
export type Listing =
  /** It is gone, and every entry of it goes. */
  | { readonly kind: "none" }
  /** A tag or a parent says enough: no plain entry is needed. */
  | { readonly kind: "named" }
  /** An entry without a name: nothing else leads to it. */
  | { readonly kind: "plain"; readonly entry: LayoutEntry }
  /** An entry without a name that says whom it refers to. */
  | { readonly kind: "referrer"; readonly entry: LayoutEntry; readonly subject: Digest };

/** Decides by the catalog how a manifest is listed. */
export async function listingOf(names: FollowedNames, digest: Digest, reader: ManifestReader): Promise<Listing> {
  const row = await names.manifest(digest);
  if (row === undefined) return { kind: "none" };
  const { descriptor, subject } = row;
  if (subject !== undefined) return { kind: "referrer", entry: referrerEntry(descriptor, subject), subject };
  if (await names.isTagged(digest)) return { kind: "named" };
  // A child needs no entry, unless its bytes do not say what it is.
  if ((await names.hasParent(digest)) && (await reader.facts(digest))?.mediaType === descriptor.mediaType) {
    return { kind: "named" };
  }
  return { kind: "plain", entry: layoutEntry(bareDescriptor(descriptor)) };
}
