import { OciError } from "../../error/oci-error.ts";
import { describeOpened } from "../../open/opened.ts";
import { artifactContent, artifactLines, artifactResult, exportManifest, readContent } from "../artifact-input.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated } from "../connection.ts";
import { anyNumber, required, text } from "../option.ts";
import { resolveManifest } from "../resolve.ts";
import { concurrency, dryRun, platform } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Attaches files to an image or artifact: they become an artifact whose subject is SUBJECT, so that discover finds it and copy takes it along. SUBJECT itself does not change. TYPE is a media type; without one it is told by the name for .cdx.json, .cdx.xml, .spdx.json and .sarif, and a layer tar for all others.",
  arguments: {
    subject: required("SUBJECT", "what to attach to"),
    files: anyNumber("FILE[:TYPE]", "files and folders, each with its media type; none where annotations say it all"),
  },
  options: {
    ...connection,
    artifactType: text("--artifact-type <type>", "what is attached (required)"),
    ...artifactContent,
    platform,
    concurrency,
    dryRun,
  },
  examples: [
    {
      about: "Attach an SBOM to one platform of an image in a layout",
      line: "berth attach ocidir://images:v1 app.cdx.json --platform linux/amd64 --artifact-type application/vnd.cyclonedx+json",
    },
    {
      about: "Attach a report, with a note on it",
      line: "berth attach localhost:5000/app:v1 lint.sarif --artifact-type application/sarif+json --annotation tool=oxlint",
    },
    {
      about: "A mark without any file",
      line: "berth attach ocidir://images:v1 --artifact-type application/vnd.example.approval --annotation by=release-team",
    },
  ],
  writes: true,
  async run({ subject, files }, options, context) {
    const { signal, onEvent, out } = context;
    const { artifactType } = options;
    if (artifactType === undefined) {
      throw new OciError("USAGE", "Expected --artifact-type", {
        hint: "For example: --artifact-type application/vnd.cyclonedx+json",
      });
    }
    const artifact = {
      ...(await readContent(files, options, context)),
      artifactType,
    };
    await using opened = await openLocated(subject, options.dryRun ? "read" : "write", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const { attachArtifacts } = await import("../../artifact/attach.ts");
    const [packed] = await attachArtifacts({
      target: opened.store,
      subject: descriptor,
      artifacts: [artifact],
      dryRun: options.dryRun,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
      onEvent,
    });
    if (!packed) return;
    if (!options.dryRun) await exportManifest(packed, options, context);
    const result = {
      subject: { reference: describeOpened(opened), digest: descriptor.digest },
      ...artifactResult(packed),
    };
    const { digest } = packed.descriptor;
    out.result(
      options.dryRun ? { dryRun: true, ...result } : result,
      () => [
        ...artifactLines(packed, options.dryRun),
        `${options.dryRun ? "would attach to" : "attached to"} ${descriptor.digest}`,
        digest,
      ],
      [digest],
    );
  },
});
