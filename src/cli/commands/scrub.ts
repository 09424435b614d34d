import { OciError } from "../../error/oci-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { formatBytes, formatCount } from "../format.ts";
import { byteSize, required } from "../option.ts";
import { requireOwner } from "../owner.ts";
import { readDirectory } from "../path-argument.ts";
import { style } from "../style.ts";

export const command: Command = defineCommand({
  about:
    "Reads and hashes every blob of a layout, or of every repository below a root, also while a server works. A damaged one is moved to .berth/quarantine of its repository: it is never handed out again, and a push of the same content repairs it. A run that was broken off goes on where it stood. Exit code 1: something is damaged or cannot be read.",
  arguments: { path: required("PATH", "a layout, or the root of a registry") },
  options: {
    rate: byteSize("--rate <size>", "read so many bytes a second at most, as 50MiB (default: no limit)"),
  },
  examples: [
    { about: "Check all of a registry", line: "berth scrub ./registry" },
    { about: "Gently, for a script", line: "berth scrub ./registry --rate 20MiB --json" },
  ],
  async run({ path }, options, context) {
    const { signal, onEvent, out } = context;
    const [{ openUpkeep }, { scrub }] = await Promise.all([
      import("../../open/open-upkeep.ts"),
      import("../../lifecycle/scrub.ts"),
    ]);
    const directory = readDirectory(path, context);
    await requireOwner(directory);
    await using upkeep = await openUpkeep(directory);
    const report = await scrub(upkeep, {
      signal,
      onEvent,
      ...(options.rate === undefined ? {} : { rate: options.rate }),
    });
    const found = report.findings.map(
      ({ repository, verdict, reason }) => `${style.red(verdict)} ${repository}: ${reason}`,
    );
    const total = `${formatCount(report.blobs, "blob")} (${formatBytes(report.bytes)}) read, ${report.damaged} damaged, ${report.unreadable} unreadable`;
    out.result(report, [...found, total], found);
    if (report.damaged + report.unreadable === 0) return;
    throw new OciError("CHECK_FAILED", `Not every blob below ${path} is whole`, {
      hint: "Push the images that have it again, with berth copy --deep or skopeo: other clients stop at a manifest that is there",
    });
  },
});
