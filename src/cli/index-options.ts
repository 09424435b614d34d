import { OciError } from "../error/oci-error.ts";
import { describeOpened } from "../open/opened.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { MediaType } from "../spec/media-type.ts";
import { formatPlatform, parsePlatformText } from "../spec/platform.ts";
import type { Store } from "../store/store.ts";
import { type ConnectionValues, openLocated } from "./connection.ts";
import type { Context } from "./context.ts";
import { formatBytes, formatCount } from "./format.ts";
import { flag, keyValues, list, type Option, type OptionValues, text } from "./option.ts";
import { resolveManifest } from "./resolve.ts";

/** Options of the commands that put images into an index. */
export const entryOptions: {
  readonly platforms: Option<readonly string[]>;
  readonly describedPlatform: Option<string | undefined>;
  readonly describedAnnotations: Option<Readonly<Record<string, string>>>;
  readonly referrers: Option<boolean>;
} = {
  platforms: list("--platform <os/arch[/variant]>", "of sources that are indexes only this one (may be repeated)"),
  describedPlatform: text("--desc-platform <os/arch[/variant]>", "the platform that the entries say"),
  describedAnnotations: keyValues("--desc-annotation <key=value>", "annotate the entries (may be repeated)"),
  referrers: flag("--no-referrers", "leave behind what hangs on the images"),
};

export type EntryValues = OptionValues<typeof entryOptions> & ConnectionValues;

/** The entries that sources come to, in their order; what they name is at the target afterwards, except on a dry run. */
export async function gatherEntries(
  sources: readonly string[],
  target: Store | undefined,
  options: EntryValues,
  context: Context,
): Promise<readonly Descriptor[]> {
  const { signal } = context;
  const { bringEntries, indexEntries } = await import("../content/index-entries.ts");
  const { describedPlatform, describedAnnotations } = options;
  const found: Descriptor[] = [];
  for (const written of sources) {
    await using opened = await openLocated(written, "read", options, context);
    const descriptor = await resolveManifest(opened, undefined, context);
    const entries = await indexEntries(
      { source: opened.store, descriptor },
      {
        platforms: options.platforms.map(parsePlatformText),
        ...(describedPlatform === undefined ? {} : { platform: parsePlatformText(describedPlatform) }),
        annotations: describedAnnotations,
        signal,
      },
    );
    if (target) await bringEntries(opened.store, entries, { target, referrers: options.referrers, signal });
    if (entries.length === 0) context.warn(`${describeOpened(opened)} has nothing for these platforms`);
    found.push(...entries);
  }
  return found;
}

/**
 * Tells what an index has no place for, where it is Docker's manifest list.
 * @throws OciError UNSUPPORTED for annotations that were asked for
 */
export function tellDockerLimits(
  mediaType: string | undefined,
  entries: readonly Descriptor[],
  options: EntryValues,
  context: Context,
): void {
  if (mediaType !== MediaType.DockerManifestList) return;
  if (Object.keys(options.describedAnnotations).length > 0) {
    throw new OciError("UNSUPPORTED", "The entries of Docker's manifest lists have no annotations", {
      hint: "Leave --desc-annotation out, or keep the media type of OCI's index",
    });
  }
  const left = entries.filter(({ annotations }) => annotations?.[Annotation.DockerReferenceType] !== undefined);
  if (left.length > 0)
    context.warn(`Docker's manifest list has no place for ${formatCount(left.length, "attestation")}`);
}

/** One line for each entry: platform, digest, size, type. */
export function entryLines(entries: readonly Descriptor[]): readonly string[] {
  const rows = entries.map(({ platform, digest, size, artifactType, mediaType }) => [
    platform ? formatPlatform(platform) : "-",
    digest,
    formatBytes(size),
    artifactType ?? mediaType,
  ]);
  const widths = [0, 1, 2].map((at) => Math.max(0, ...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  "));
}
