import { describeOpened } from "../../open/opened.ts";
import { shortDigest } from "../../spec/digest.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated } from "../connection.ts";
import { formatBytes, formatCount } from "../format.ts";
import { resolvePath } from "../input.ts";
import { flag, required, text } from "../option.ts";
import { resolveManifest } from "../resolve.ts";
import { concurrency, dryRun, platform } from "../shared-options.ts";
import { style } from "../style.ts";

export const command: Command = defineCommand({
  about:
    "Writes the files of an artifact into a directory, by their titles; folders are unpacked. Everything is fetched and checked first, then each file takes its place. A file that is there with the same content stays; one that differs is an error, and nothing is written, unless --force is given. A title that leads out of the directory is refused.",
  arguments: { source: required("SOURCE", "the artifact") },
  options: {
    ...connection,
    output: text("-o, --output <dir>", "where to (default: the working directory)", "directory"),
    platform,
    all: flag("--all", "also write layers without a title, named by their digest"),
    force: flag("--force", "replace files whose content differs"),
    concurrency,
    dryRun,
  },
  examples: [
    { about: "Write the files of an artifact into a new directory", line: "berth pull ghcr.io/org/sboms:v1 -o sboms" },
    {
      about: "Get an attached SBOM back, by the digest that discover shows",
      line: "berth pull ocidir://images@sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0 -o .",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    const { signal, onEvent, out } = context;
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const { pullArtifact } = await import("../../artifact/pull.ts");
    const { artifactType, files, skipped } = await pullArtifact({
      source: opened.store,
      descriptor,
      output: resolvePath(options.output ?? ".", context),
      overwrite: options.force,
      all: options.all,
      dryRun: options.dryRun,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
      onEvent,
    });
    const result = {
      source: describeOpened(opened),
      digest: descriptor.digest,
      ...(artifactType === undefined ? {} : { artifactType }),
      files: files.map(({ descriptor: { digest, size, mediaType }, ...file }) => ({
        ...file,
        digest,
        size,
        mediaType,
      })),
      skipped: skipped.map(({ digest, size, mediaType }) => ({ digest, size, mediaType })),
    };
    const written = options.dryRun ? "would write" : "written";
    const lines = (): string[] =>
      files.map(({ outcome, title, folder, descriptor: { size } }) => {
        const done = (outcome === "written" ? written : outcome).padEnd(9);
        return `${outcome === "written" ? style.green(done) : style.dim(done)}  ${title}${folder ? "/" : ""}  ${formatBytes(size)}`;
      });
    out.result(options.dryRun ? { dryRun: true, ...result } : result, lines, options.dryRun ? undefined : []);
    if (skipped.length > 0) {
      const shown = skipped.slice(0, 3).map(({ digest }) => shortDigest(digest));
      const more = skipped.length > shown.length ? ", …" : "";
      context.note(
        `Left out ${formatCount(skipped.length, "layer")} without a title (${shown.join(", ")}${more}); --all writes them too`,
      );
    } else if (files.length === 0) {
      context.note("There are no files in this artifact");
    }
  },
});
