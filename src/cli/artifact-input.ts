import type { PackedArtifact } from "../artifact/pack.ts";
import type { ArtifactContent, ArtifactFile } from "../artifact/prepare.ts";
import { OciError } from "../error/oci-error.ts";
import type { Context } from "./context.ts";
import { formatBytes } from "./format.ts";
import { resolvePath } from "./input.ts";

/** `FILE[:TYPE]…` as a user typed them, titled by what was typed. */
export async function readFiles(files: readonly string[], context: Context): Promise<readonly ArtifactFile[]> {
  const { parseFileSpec, titleOf } = await import("../artifact/file-spec.ts");
  return files.map((text) => {
    const { path, mediaType } = parseFileSpec(text);
    return {
      path: resolvePath(path, context),
      title: titleOf(resolvesToName(path) ? path : resolvePath(path, context)),
      ...(mediaType === undefined ? {} : { mediaType }),
    };
  });
}

/** `.` and `a/..` name a directory without saying how it is called. */
function resolvesToName(path: string): boolean {
  return !/(?:^|\/)\.{1,2}\/?$/.test(path);
}

/** A config as `FILE[:TYPE]`. */
export async function readConfig(text: string | undefined, context: Context): Promise<Pick<ArtifactContent, "config">> {
  if (text === undefined) return {};
  const { parseFileSpec } = await import("../artifact/file-spec.ts");
  const { path, mediaType } = parseFileSpec(text);
  return { config: { path: resolvePath(path, context), ...(mediaType === undefined ? {} : { mediaType }) } };
}

/**
 * The time of creation that the environment fixes, as reproducible builds do.
 * @throws OciError USAGE when SOURCE_DATE_EPOCH is not a number of seconds
 */
export function readCreatedAt(context: Context): Pick<ArtifactContent, "createdAt"> {
  const text = context.env["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return {};
  if (/^\d{1,11}$/.test(text)) return { createdAt: new Date(Number(text) * 1000) };
  throw new OciError("USAGE", `Invalid SOURCE_DATE_EPOCH ${JSON.stringify(text)}: expected seconds since 1970`);
}

/** What was or would be pushed, for programs. */
export function artifactResult(packed: PackedArtifact): Record<string, unknown> {
  const { descriptor, artifactType, existed, blobs } = packed;
  return {
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: descriptor.size,
    ...(artifactType === undefined ? {} : { artifactType }),
    existed,
    blobs: blobs.map((blob) => ({
      role: blob.role,
      ...(blob.title === undefined ? {} : { title: blob.title }),
      digest: blob.descriptor.digest,
      mediaType: blob.descriptor.mediaType,
      size: blob.descriptor.size,
      existed: blob.existed,
    })),
  };
}

/** The files of an artifact, for people. */
export function artifactLines(packed: PackedArtifact, dryRun: boolean): readonly string[] {
  const done = dryRun ? "would push" : "pushed";
  return packed.blobs.flatMap(({ title, descriptor, existed }) =>
    title === undefined
      ? []
      : [
          `${(existed ? "exists" : done).padEnd(done.length)}  ${title}  ${descriptor.mediaType}  ${formatBytes(descriptor.size)}`,
        ],
  );
}
