import { OciError } from "../../error/oci-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { checkCopyOptions, copyOptions } from "../copy-options.ts";
import { copyLines, copyResult } from "../copy-report.ts";
import { runCopy } from "../copy-run.ts";
import { anyNumber, optional } from "../option.ts";
import { style } from "../style.ts";

export const command: Command = defineCommand({
  about:
    "A copy is whole: the platforms of an index, and everything that hangs on each manifest (SBOMs, scans, signatures, and what hangs on those). Content comes before manifests, the tag last. Interrupted and run again it finishes: a blob that had arrived whole is not sent again. A target without a tag gets latest in a registry and the source's tag in a layout. Several targets are filled in one reading of the source. What is asked to have another digest (--sparse strip, --to-docker, --to-oci, --compress) leaves behind what hangs on the old one, and says so.",
  arguments: {
    source: optional("SOURCE", "what to copy"),
    targets: anyNumber("TARGET", "where to; several get the same"),
  },
  options: { ...copyOptions },
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
  ],
  writes: true,
  async run({ source, targets }, options, context) {
    const { out } = context;
    checkCopyOptions(options);
    if (source === undefined || targets.length === 0) {
      throw new OciError(
        "USAGE",
        `Expected a SOURCE and a TARGET, got ${source === undefined ? "neither" : "no TARGET"}`,
      );
    }
    const outcome = await runCopy({ source, targets }, options, context);
    if (!outcome) return;
    const key = outcome.digest === undefined ? [] : [style.bold(outcome.digest)];
    out.result(copyResult(outcome), () => [...key, ...copyLines(outcome)], key);
  },
});
