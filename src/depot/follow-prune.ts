import { isOciError } from "../error/oci-error.ts";
import { jobOf } from "../names/sql-changes.ts";
import type { ManifestRow } from "../names/sql-follow.ts";
import type { Digest } from "../spec/digest.ts";
import { ChangeWriter, type FollowContext, type FollowedLayout } from "./follow-context.ts";
import type { ImportResult } from "./follow-import.ts";

/** What a pruning removed from the catalog. */
export interface PruneResult {
  readonly tagsRemoved: number;
  readonly manifestsRemoved: number;
}

/**
 * Removes from the catalog what is missing in a layout: tags and manifests that index.json has told of and tells of
 * no more, and all whose files are gone. What was pushed and never came into index.json stays.
 * @param last the last change of a listing before the layout was read
 */
export async function pruneNames(
  context: FollowContext,
  layout: FollowedLayout,
  { seen, stamp }: Pick<ImportResult, "seen" | "stamp">,
  last: number,
): Promise<PruneResult> {
  const { names, changes } = layout;
  const writer = new ChangeWriter(context, layout);
  let tagsRemoved = 0;
  let manifestsRemoved = 0;
  const remove = async ({ descriptor }: ManifestRow): Promise<void> => {
    manifestsRemoved += 1;
    await writer.add(jobOf(names.id, [{ manifest: descriptor, present: false }]).statements);
  };
  for await (const tag of names.exportedTags()) {
    if (seen.tags.has(tag)) continue;
    tagsRemoved += 1;
    await writer.add(changes.dropTag(tag));
  }
  for await (const { tag } of names.fallbacks()) {
    if (!seen.fallbacks.has(tag)) await writer.add(changes.fallback(tag, undefined));
  }
  await writer.flush();
  for await (const row of names.manifests()) {
    if (await isThere(layout, row.descriptor.digest)) continue;
    tagsRemoved += await names.tagCount(row.descriptor.digest);
    await remove(row);
  }
  await writer.flush();
  // What goes may leave its children without a parent: they are looked at in the next round.
  for (let before = -1; before !== manifestsRemoved;) {
    before = manifestsRemoved;
    for await (const row of names.unnamed()) {
      const { digest } = row.descriptor;
      if (seen.unnamed.has(digest) || (await names.isWaiting(digest, last))) continue;
      await remove(row);
    }
    await writer.flush();
  }
  await writer.add(changes.stamp(stamp));
  await writer.flush();
  return { tagsRemoved, manifestsRemoved };
}

async function isThere({ blobs }: FollowedLayout, digest: Digest): Promise<boolean> {
  try {
    return (await blobs.lstat(digest)) !== undefined;
  } catch (error) {
    // Something else lies there: that is damage, which fsck tells of.
    if (isOciError(error, "CONTENT_DAMAGED")) return true;
    throw error;
  }
}
