import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { isImageConfigType } from "../spec/image-config.ts";
import { parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { isIndexType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, parsePlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { ManifestReader } from "./manifest-reader.ts";

/** Indexes inside indexes that a selection looks into. */
export const MAX_DEPTH = 8;

/**
 * The first manifest below an index that serves a platform (image-index.md: the first match
 * wins), looking into nested indexes. A single image is its own answer if its configuration
 * names no other platform; what is no image has no platform to be wrong about.
 * @throws OciError PLATFORM_UNKNOWN with the platforms that are there
 */
export async function selectPlatform(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  wanted: Platform,
  options?: Signal,
): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) {
    const own = await imagePlatform(source, root, options);
    if (!own || matchesPlatform(own, wanted)) return root;
    throw new OciError(
      "PLATFORM_UNKNOWN",
      `${root.digest} is for ${formatPlatform(own)}, not for ${formatPlatform(wanted)}`,
      {
        digest: root.digest,
      },
    );
  }
  const reader = new ManifestReader(source);
  const offered = new Set<string>();
  const found = await search(reader, root, wanted, offered, 0, options);
  if (found) return found;
  const list = [...offered].join(", ") || "none";
  throw new OciError("PLATFORM_UNKNOWN", `${root.digest} has nothing for ${formatPlatform(wanted)}; it has ${list}`, {
    digest: root.digest,
  });
}

/** The platform that an image's configuration names, if it is an image and names one. */
export async function imagePlatform(
  source: Pick<Source, "fetch">,
  manifest: Descriptor,
  options?: Signal,
): Promise<Platform | undefined> {
  const edges = await new ManifestReader(source).edges(manifest, options);
  const config = edges.find((edge) => edge.role === "config")?.descriptor;
  if (!config || !isImageConfigType(config.mediaType)) return undefined;
  const bytes = source.fetch(config, { kind: "blob", ...options });
  const document = parseJson(
    await collect(bytes, Limits.config, `configuration ${config.digest}`),
    "image configuration",
  );
  const platform = parsePlatform(document, "the image configuration");
  return platform.os === "" || platform.architecture === "" ? undefined : platform;
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
