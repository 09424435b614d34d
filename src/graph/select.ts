import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { isIndexType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { ManifestReader } from "./manifest-reader.ts";

/** Indexes inside indexes that a selection looks into. */
const MAX_DEPTH = 8;

/**
 * The first manifest below an index that serves a platform (image-index.md: the first match
 * wins), looking into nested indexes. Anything that is not an index is its own answer.
 * @throws OciError PLATFORM_UNKNOWN with the platforms that are there
 */
export async function selectPlatform(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  wanted: Platform,
  options?: Signal,
): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) return root;
  const reader = new ManifestReader(source);
  const offered = new Set<string>();
  const found = await search(reader, root, wanted, offered, 0, options);
  if (found) return found;
  const list = [...offered].join(", ") || "none";
  throw new OciError("PLATFORM_UNKNOWN", `${root.digest} has nothing for ${formatPlatform(wanted)}; it has ${list}`, {
    digest: root.digest,
  });
}

async function search(
  reader: ManifestReader,
  index: Descriptor,
  wanted: Platform,
  offered: Set<string>,
  depth: number,
  options?: Signal,
): Promise<Descriptor | undefined> {
  const children = (await reader.edges(index, options)).filter((edge) => edge.role === "child");
  for (const { descriptor } of children) {
    if (!descriptor.platform) continue;
    if (matchesPlatform(descriptor.platform, wanted)) return descriptor;
    offered.add(formatPlatform(descriptor.platform));
  }
  if (depth >= MAX_DEPTH) return undefined;
  for (const { descriptor } of children) {
    if (!isIndexType(descriptor.mediaType)) continue;
    const found = await search(reader, descriptor, wanted, offered, depth + 1, options);
    if (found) return found;
  }
  return undefined;
}
