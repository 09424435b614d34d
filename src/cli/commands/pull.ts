import { describeOpened } from "../../open/opened.ts";
import type { PulledArtifact } from "../../artifact/pull.ts";
import { OciError } from "../../error/oci-error.ts";
import { shortDigest } from "../../spec/digest.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated } from "../connection.ts";
import type { Context } from "../context.ts";
import { formatBytes, formatCount } from "../format.ts";
import { resolvePath } from "../input.ts";
import { flag, type OptionValues, required, text } from "../option.ts";
import { chooseArtifact, referrerChoice } from "../referrer-choice.ts";
import { concurrency, dryRun, platform } from "../shared-options.ts";
import { style } from "../style.ts";

/** What is written, and over what. */
const written = {
  output: text(
    "-o, --output <dir>",
    "where to (default: the working directory); - for one file to standard output",
    "directory",
  ),
  config: text(
    "--config <file[:type]>",
    "also write the config, as this file in the directory; only if it is of this type",
  ),
  includeSubject: flag("--include-subject", "also write the files of what the artifact hangs on, and so on upwards"),
  all: flag("--all", "also write layers without a title, named by their digest"),
  keepOld: flag("-k, --keep-old-files", "a file that is there is an error, even with the same content"),
  force: flag("--force", "replace files whose content differs"),
};

export const command: Command = defineCommand({
  about:
    "Writes the files of an artifact into a directory, by their titles; folders are unpacked. Everything is fetched and checked first, then each file takes its place. A file that is there with the same content stays; one that differs is an error, and nothing is written, unless --force is given. A title that leads out of the directory is refused.",
  arguments: { source: required("SOURCE", "the artifact, or what it hangs on") },
  options: { ...connection, ...referrerChoice, ...written, platform, concurrency, dryRun },
  examples: [
    { about: "Write the files of an artifact into a new directory", line: "berth pull ghcr.io/org/sboms:v1 -o sboms" },
    {
      about: "Get an attached SBOM back, by the digest that discover shows",
      line: "berth pull ocidir://images@sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0 -o .",
    },
    {
      about: "Read the newest SBOM of an image",
      line: "berth pull ghcr.io/org/app:v1 --artifact-type application/vnd.cyclonedx+json --latest -o - | jq .",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    const { signal, onEvent, out } = context;
    refuseContradictions(options);
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await chooseArtifact(opened, options, context);
    if (options.output === "-") {
      const { onlyLayer } = await import("../../artifact/pull-content.ts");
      const layer = await onlyLayer({ source: opened.store, descriptor, signal });
      if (!options.dryRun) await out.bytes(opened.store.fetch(layer, { kind: "blob", signal }));
      return;
    }
    const { pullArtifact } = await import("../../artifact/pull.ts");
    const pulled = await pullArtifact({
      source: opened.store,
      descriptor,
      output: resolvePath(options.output ?? ".", context),
      overwrite: options.force,
      keepOld: options.keepOld,
      all: options.all,
      includeSubject: options.includeSubject,
      ...(await readConfig(options.config)),
      dryRun: options.dryRun,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
      onEvent,
    });
    const result = { source: describeOpened(opened), ...toJson(pulled) };
    out.result(
      options.dryRun ? { dryRun: true, ...result } : result,
      () => lines(pulled, options.dryRun),
      options.dryRun ? undefined : [],
    );
    tellWhatIsLeft(pulled, options.config, context);
  },
});

/** @throws OciError USAGE */
function refuseContradictions(options: OptionValues<typeof written>): void {
  const { output, config, includeSubject, all, keepOld, force } = options;
  if (keepOld && force) throw new OciError("USAGE", "Expected one of --keep-old-files and --force, got both");
  if (output === "-" && (config !== undefined || includeSubject || all || keepOld || force)) {
    throw new OciError("USAGE", "Expected a directory: standard output takes one file, and no option about files");
  }
}

async function readConfig(
  spec: string | undefined,
): Promise<{ readonly config?: { readonly title: string; readonly mediaType?: string } }> {
  if (spec === undefined) return {};
  const { parseFileSpec } = await import("../../artifact/file-spec.ts");
  const { path, mediaType } = parseFileSpec(spec);
  return { config: { title: path, ...(mediaType === undefined ? {} : { mediaType }) } };
}

function toJson({ descriptor, artifactType, files, skipped }: PulledArtifact): object {
  return {
    digest: descriptor.digest,
    ...(artifactType === undefined ? {} : { artifactType }),
    files: files.map(({ descriptor: { digest, size, mediaType }, ...file }) => ({ ...file, digest, size, mediaType })),
    skipped: skipped.map(({ digest, size, mediaType }) => ({ digest, size, mediaType })),
  };
}

function lines({ files }: PulledArtifact, isPlan: boolean): readonly string[] {
  const writes = isPlan ? "would write" : "written";
  return files.map(({ outcome, title, folder, descriptor: { size } }) => {
    const done = (outcome === "written" ? writes : outcome).padEnd(9);
    return `${outcome === "written" ? style.green(done) : style.dim(done)}  ${title}${folder ? "/" : ""}  ${formatBytes(size)}`;
  });
}

function tellWhatIsLeft({ files, skipped }: PulledArtifact, config: string | undefined, context: Context): void {
  if (config !== undefined && !files.some(({ role }) => role === "config")) {
    context.note("Left out the config: there is none, or it is of another type");
  }
  if (skipped.length > 0) {
    const shown = skipped.slice(0, 3).map(({ digest }) => shortDigest(digest));
    const more = skipped.length > shown.length ? ", …" : "";
    context.note(
      `Left out ${formatCount(skipped.length, "layer")} without a title (${shown.join(", ")}${more}); --all writes them too`,
    );
  } else if (files.length === 0) {
    context.note("There are no files in this artifact");
  }
}
