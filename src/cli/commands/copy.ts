import { OciError } from "../../error/oci-error.ts";
import { type Command, defineCommand } from "../command.ts";
import type { BatchJob } from "../batch-run.ts";
import { batchOptions } from "../batch-options.ts";
import type { Context } from "../context.ts";
import { checkCopyOptions, copyOptions, type CopyValues } from "../copy-options.ts";
import { copyLines, copyResult } from "../copy-report.ts";
import { type CopyRequest, runCopy } from "../copy-run.ts";
import { readInput } from "../input.ts";
import { anyNumber, type OptionValues, optional, text } from "../option.ts";
import { style } from "../style.ts";

export const command: Command = defineCommand({
  about:
    "A copy is whole: the platforms of an index, and everything that hangs on each manifest (SBOMs, scans, signatures, and what hangs on those). Content comes before manifests, the tag last. Interrupted and run again it finishes: a blob that had arrived whole is not sent again. A target without a tag gets latest in a registry and the source's tag in a layout. Several targets are filled in one reading of the source. What is asked to have another digest (--sparse strip, --to-docker, --to-oci, --compress) leaves behind what hangs on the old one, and says so.",
  arguments: {
    source: optional("SOURCE", "what to copy"),
    targets: anyNumber("TARGET", "where to; several get the same"),
  },
  options: {
    ...copyOptions,
    fromFile: text("--from-file <file>", "copy what the lines of this file say: SOURCE TARGET…", "file"),
    ...batchOptions,
  },
  examples: [
    {
      about: "Bring an image and everything attached to it into a layout",
      line: "berth copy ghcr.io/org/app:v1 ocidir://images:v1",
    },
    {
      about: "See what a copy would move, and why each of it belongs to the image",
      line: "berth copy ocidir://images:v1 localhost:5000/app:v1 --dry-run --explain",
    },
    {
      about: "One platform, with its SBOMs alone",
      line: "berth copy alpine:3.20 ./alpine:3.20 --platform linux/arm64 --artifact-type application/vnd.cyclonedx+json",
    },
    {
      about: "Two platforms of an index, as an index of two",
      line: "berth copy alpine:3.20 localhost:5000/alpine:3.20 --platform linux/amd64 --platform linux/arm64 --sparse strip",
    },
    {
      about: "Every release of a major version to two places",
      line: 'berth copy ghcr.io/org/app localhost:5000/app ocidir://mirror --all-tags --semver "^2"',
    },
    {
      about: "Only what a policy allows: else nothing is written anywhere",
      line: "berth copy ocidir://images:v1 ghcr.io/org/app:v1 --policy policy.yaml",
    },
    {
      about: "A whole list over one set of connections, with a report of each",
      line: "berth copy --from-file images.txt --continue-on-error --report report.json",
    },
  ],
  writes: true,
  async run({ source, targets }, options, context) {
    checkCopyOptions(options);
    if (options.fromFile !== undefined) {
      if (source !== undefined)
        throw new OciError("USAGE", "Expected either --from-file or SOURCE and TARGET, got both");
      await copyList(options.fromFile, options, context);
      return;
    }
    if (source === undefined || targets.length === 0) {
      const missing = source === undefined ? "SOURCE" : "TARGET";
      throw new OciError("USAGE", `Missing required argument '${missing}'`, { hint: "See: berth copy --help" });
    }
    await copyOne({ source, targets }, options, context);
  },
});

async function copyOne(request: CopyRequest, options: CopyValues, context: Context): Promise<void> {
  const outcome = await runCopy(request, options, context);
  if (!outcome) return;
  const key = outcome.digest === undefined ? [] : [style.bold(outcome.digest)];
  context.out.result(copyResult(outcome), () => [...key, ...copyLines(outcome)], key);
}

async function copyList(
  file: string,
  options: CopyValues & OptionValues<typeof batchOptions>,
  context: Context,
): Promise<void> {
  const { JOB_FILE_LIMIT, parsePairs } = await import("../job-file.ts");
  const bytes = await readInput(file, JOB_FILE_LIMIT, `list of copies ${file}`, context);
  const jobs = parsePairs(Buffer.from(bytes).toString("utf8"), file).map((request, at): BatchJob => ({
    name: `${at + 1}`,
    line: [request.source, ...request.targets].join(" "),
    words: [request.source, ...request.targets],
    run: (own) => copyOne(request, options, own),
  }));
  const { runJobs } = await import("../batch-run.ts");
  await runJobs(jobs, options, context);
}
