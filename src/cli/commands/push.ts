import { OciError } from "../../error/oci-error.ts";
import { describeOpened, type Opened } from "../../open/opened.ts";
import { DEFAULT_TAG } from "../../spec/reference.ts";
import { artifactContent, artifactLines, artifactResult, exportManifest, readContent } from "../artifact-input.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated } from "../connection.ts";
import { required, text, variadic } from "../option.ts";
import { concurrency, dryRun } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Makes an artifact of files and folders, as oras does. TYPE is a media type; without one it is told by the name for .cdx.json, .cdx.xml, .spdx.json and .sarif, and a layer tar for all others. A folder becomes one layer that pull unpacks again. A file below the working directory keeps its path as its title, any other its name. SOURCE_DATE_EPOCH fixes the time of creation.",
  arguments: {
    target: required("TARGET", "where to, with a tag"),
    files: variadic("FILE[:TYPE]", "files and folders, each with its media type"),
  },
  options: {
    ...connection,
    artifactType: text("--artifact-type <type>", "what the artifact is"),
    ...artifactContent,
    concurrency,
    dryRun,
  },
  examples: [
    {
      about: "Push an SBOM as an artifact of its own",
      line: "berth push ghcr.io/org/sboms:v1 app.cdx.json --artifact-type application/vnd.cyclonedx+json",
    },
    {
      about: "Keep a folder and a note in a layout, with types",
      line: "berth push ocidir://bundle:v1 ./docs notes.md:text/markdown --artifact-type application/vnd.example.docs",
    },
    {
      about: "A Helm chart, as helm pull takes it",
      line: "berth push ghcr.io/org/charts/app:0.1.0 --config Chart.json:application/vnd.cncf.helm.config.v1+json app-0.1.0.tgz:application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    },
    {
      about: "Annotate each file, the config and the manifest",
      line: "berth push ocidir://bundle:v1 model.bin notes.md --annotation-file annotations.json",
    },
  ],
  writes: true,
  async run({ target, files }, options, context) {
    const { signal, onEvent, out } = context;
    const content = {
      ...(await readContent(files, options, context)),
      ...(options.artifactType === undefined ? {} : { artifactType: options.artifactType }),
    };
    await using opened = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    const tags = tagsOf(opened);
    const { packArtifact } = await import("../../artifact/pack.ts");
    const packed = await packArtifact({
      ...content,
      target: opened.store,
      tags,
      dryRun: options.dryRun,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
      onEvent,
    });
    if (!options.dryRun) await exportManifest(packed, options, context);
    const result = { target: describeOpened(opened), tags, ...artifactResult(packed) };
    const { digest } = packed.descriptor;
    out.result(
      options.dryRun ? { dryRun: true, ...result } : result,
      () => [...artifactLines(packed, options.dryRun), digest],
      [digest],
    );
  },
});

/** A push makes a new digest, so only a tag can be asked for. */
function tagsOf(opened: Opened): readonly string[] {
  if (opened.digest !== undefined) {
    throw new OciError("LOCATOR_INVALID", `Expected a tag, not a digest, in ${describeOpened(opened)}`, {
      hint: "The digest follows from the files; leave it out",
    });
  }
  if (opened.tag !== undefined) return [opened.tag];
  return opened.locator.medium === "registry" ? [DEFAULT_TAG] : [];
}
