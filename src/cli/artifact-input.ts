import type { AnnotationFile } from "../artifact/annotation-file.ts";
import type { PackedArtifact } from "../artifact/pack.ts";
import type { ArtifactContent, ArtifactFile } from "../artifact/prepare.ts";
import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Annotations } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { formatBytes } from "./format.ts";
import { readInput, resolvePath } from "./input.ts";
import { keyValues, type Option, type OptionValues, text } from "./option.ts";

/** What `push` and `attach` have in common. */
export const artifactContent: {
  readonly config: Option<string | undefined>;
  readonly annotations: Option<Readonly<Record<string, string>>>;
  readonly annotationFile: Option<string | undefined>;
  readonly exportManifest: Option<string | undefined>;
} = {
  config: text("--config <file[:type]>", "a config of its own", "file"),
  annotations: keyValues("-a, --annotation <key=value>", "annotate the manifest (may be repeated)"),
  annotationFile: text(
    "--annotation-file <file>",
    'annotate manifest, config and files, by JSON: {"$manifest": {…}, "$config": {…}, "FILE": {…}}',
    "file",
  ),
  exportManifest: text("--export-manifest <file>", "also write the manifest into this file here", "file"),
};

type Content = Pick<ArtifactContent, "files" | "config" | "annotations" | "configAnnotations" | "createdAt">;

/**
 * Reads what the user typed: `FILE[:TYPE]…`, titled by what was typed, a
 * config, annotations. One on the command line wins over one in the file.
 * @throws OciError USAGE, FILE_INVALID
 */
export async function readContent(
  files: readonly string[],
  options: OptionValues<typeof artifactContent>,
  context: Context,
): Promise<Content> {
  const annotated = await readAnnotationFile(options.annotationFile, context);
  return {
    files: await readFiles(files, annotated?.files ?? new Map<string, Annotations>(), context),
    ...(await readConfig(options.config, context)),
    annotations: { ...annotated?.manifest, ...options.annotations },
    ...(annotated ? { configAnnotations: annotated.config } : {}),
    ...readCreatedAt(context),
  };
}

async function readAnnotationFile(path: string | undefined, context: Context): Promise<AnnotationFile | undefined> {
  if (path === undefined) return undefined;
  const { parseAnnotationFile } = await import("../artifact/annotation-file.ts");
  return parseAnnotationFile(await readInput(path, Limits.manifest, "annotation file", context));
}

async function readFiles(
  files: readonly string[],
  annotated: AnnotationFile["files"],
  context: Context,
): Promise<readonly ArtifactFile[]> {
  const { parseFileSpec, titleOf } = await import("../artifact/file-spec.ts");
  const unused = new Set(annotated.keys());
  const read = files.map((spec): ArtifactFile => {
    const { path, mediaType } = parseFileSpec(spec);
    const named = titleOf(resolvesToName(path) ? path : resolvePath(path, context));
    const name = annotated.has(path) ? path : named;
    unused.delete(name);
    const annotations = annotated.get(name);
    return {
      path: resolvePath(path, context),
      title: annotations?.[Annotation.Title] ?? named,
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(annotations === undefined ? {} : { annotations }),
    };
  });
  const [stray] = unused;
  if (stray === undefined) return read;
  throw new OciError("USAGE", `The annotation file speaks of ${JSON.stringify(stray)}, which is not among the files`, {
    hint: "Name a file there as it is named on the command line, without its type",
  });
}

/** `.` and `a/..` name a directory without saying how it is called. */
function resolvesToName(path: string): boolean {
  return !/(?:^|\/)\.{1,2}\/?$/.test(path);
}

/** A config as `FILE[:TYPE]`. */
async function readConfig(spec: string | undefined, context: Context): Promise<Pick<ArtifactContent, "config">> {
  if (spec === undefined) return {};
  const { parseFileSpec } = await import("../artifact/file-spec.ts");
  const { path, mediaType } = parseFileSpec(spec);
  return { config: { path: resolvePath(path, context), ...(mediaType === undefined ? {} : { mediaType }) } };
}

/**
 * The time of creation that the environment fixes, as reproducible builds do.
 * @throws OciError USAGE when SOURCE_DATE_EPOCH is not a number of seconds
 */
function readCreatedAt(context: Context): Pick<ArtifactContent, "createdAt"> {
  const epoch = context.env["SOURCE_DATE_EPOCH"];
  if (epoch === undefined || epoch === "") return {};
  if (/^\d{1,11}$/.test(epoch)) return { createdAt: new Date(Number(epoch) * 1000) };
  throw new OciError("USAGE", `Invalid SOURCE_DATE_EPOCH ${JSON.stringify(epoch)}: expected seconds since 1970`);
}

/** Writes the manifest of what was pushed into a file, where that is asked for. */
export async function exportManifest(
  { manifest }: PackedArtifact,
  { exportManifest: path }: OptionValues<typeof artifactContent>,
  context: Context,
): Promise<void> {
  if (path === undefined) return;
  const { writeOutputFile } = await import("./output-file.ts");
  await writeOutputFile(resolvePath(path, context), manifest(), context.signal);
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
