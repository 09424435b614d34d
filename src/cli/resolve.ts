import { OciError } from "../error/oci-error.ts";
import { describeOpened, nameOf, type Opened, resolveOpened } from "../open/opened.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { formatLocator } from "../spec/locator.ts";
import { isIndexType } from "../spec/media-type.ts";
import { parsePlatformText, type Platform } from "../spec/platform.ts";
import type { Context } from "./context.ts";

/** The manifest that a locator means, or the one of a platform in it. */
export async function resolveManifest(
  opened: Opened,
  platform: string | undefined,
  context: Context,
): Promise<Descriptor> {
  const chosen = platform === undefined ? undefined : parsePlatformText(platform);
  const root = await resolveOpened(opened, { signal: context.signal });
  const wanted = chosen ?? impliedPlatform(opened, root);
  if (wanted === undefined) return root;
  const { selectPlatform } = await import("../graph/select.ts");
  return selectPlatform(opened.store, root, wanted, { signal: context.signal });
}

/** A package URL may say which architecture it means; its digest may be that of the image already. */
function impliedPlatform({ locator }: Opened, root: Descriptor): Platform | undefined {
  if (locator.medium !== "registry" || locator.architecture === undefined) return undefined;
  return isIndexType(root.mediaType) ? parsePlatformText(`linux/${locator.architecture}`) : undefined;
}

/** Gives the package URL of a digest, and of a tag that points at it; nothing for media that are no registry. */
export async function purlWriter({
  locator,
}: Opened): Promise<(digest: Digest, tag?: string) => { readonly purl?: string }> {
  if (locator.medium !== "registry") return () => ({});
  const { formatPurl } = await import("../spec/purl.ts");
  const { host, repository } = locator;
  return (digest, tag) => ({
    purl: formatPurl({ host, repository, ...(tag === undefined ? {} : { tag }) }, digest),
  });
}

/** The repository or layout alone, where the name in it is told beside it. */
export function describePlace({ locator }: Opened): string {
  if (locator.medium === "docker-archive") return formatLocator(locator);
  const { tag: _tag, digest: _digest, ...place } = locator;
  return formatLocator(place);
}

/** The tag behind a locator, written or implied; undefined where it names a digest alone. */
export async function tagMeant(opened: Opened): Promise<string | undefined> {
  if (opened.tag !== undefined) return opened.tag;
  const name = await nameOf(opened);
  return "tag" in name ? name.tag : undefined;
}

/**
 * The digest that a locator was written with.
 * @throws OciError LOCATOR_INVALID when it has none
 */
export function requireDigest(opened: Opened): Digest {
  if (opened.digest !== undefined) return opened.digest;
  const written = describeOpened(opened);
  throw new OciError("LOCATOR_INVALID", `Expected a digest in ${written}`, {
    reference: written,
    hint: `Write it at the end: ${written}@sha256:…`,
  });
}

/**
 * The tag that a locator was written with, `latest` in a registry.
 * @throws OciError LOCATOR_INVALID when it has none
 */
export async function requireTag(opened: Opened): Promise<string> {
  const { tag, locator } = opened;
  if (tag !== undefined) return tag;
  if (locator.medium === "registry" && opened.digest === undefined) {
    const name = await nameOf(opened);
    if ("tag" in name) return name.tag;
  }
  const written = describeOpened(opened);
  throw new OciError("LOCATOR_INVALID", `Expected a tag in ${written}`, {
    reference: written,
    hint: `Write it after a colon: ${locator.medium === "docker-archive" ? written : formatLocator({ ...locator, tag: "v1" })}`,
  });
}
