import { isOciError, OciError } from "../../error/oci-error.ts";
import type { CollectEvent, CollectReport } from "../../lifecycle/collect-garbage.ts";
import { type Command, defineCommand } from "../command.ts";
import { formatBytes, formatCount, formatDuration } from "../format.ts";
import { duration, flag, integer, required } from "../option.ts";
import { requireOwner } from "../owner.ts";
import { readDirectory } from "../path-argument.ts";
import { dryRun } from "../shared-options.ts";
import { style } from "../style.ts";

/** Milliseconds: a server renews its leases within half of the default grace. */
const SHORTEST_BESIDE_SERVER = 1_800_000;

export const command: Command = defineCommand({
  about:
    "Removes the blobs of a layout, or of every repository below a root, that no manifest leads to and that nobody has used for the time of the grace; abandoned uploads as well. Manifests stay, tagged or not, and so does everything below them and what hangs on them, unless --untagged is given. A server may work on the root meanwhile. What cannot be read keeps all that could hang below it: exit code 1.",
  arguments: { path: required("PATH", "a layout, or the root of a registry") },
  options: {
    dryRun,
    grace: duration(
      "--grace <time>",
      "how long content has to have rested (default: 1h); shorter than half an hour only while nobody writes",
    ),
    untagged: flag(
      "--untagged",
      "also remove manifests that no tag and no index names and that are no referrer of something kept",
    ),
    rate: integer("--rate <n>", "look at so many blobs a second at most (default: no limit)", 1, 1_000_000_000),
  },
  writes: true,
  examples: [
    { about: "What would go", line: "berth gc ./registry --dry-run" },
    { about: "Forget what nobody has named since yesterday", line: "berth gc ./registry --untagged --grace 1d" },
  ],
  async run({ path }, options, context) {
    const { signal, out } = context;
    const [{ openUpkeep }, { collectGarbage }] = await Promise.all([
      import("../../open/open-upkeep.ts"),
      import("../../lifecycle/collect-garbage.ts"),
    ]);
    const directory = readDirectory(path, context);
    if (!options.dryRun) await requireOwner(directory);
    const alone = !options.dryRun && options.grace !== undefined && options.grace < SHORTEST_BESIDE_SERVER;
    await using upkeep = await openUpkeep(directory, { alone, secluded: true }).catch((error: unknown) => {
      if (!isOciError(error, "LOCKED")) throw error;
      throw new OciError("LOCKED", `A server works on ${path}: what has rested for so short may belong to a push`, {
        hint: "Give a --grace of 30m or more, or stop the server first",
        cause: error,
      });
    });
    const listed: unknown[] = [];
    const onEvent = (event: CollectEvent): void => {
      context.onEvent(event);
      if (event.type !== "remove" || !options.dryRun) return;
      const { repository, digest, size } = event;
      if (out.json) listed.push({ repository, digest, size });
      else void out.line(`${digest} ${style.dim(`${repository}, ${formatBytes(size)}`)}`);
    };
    const report = await collectGarbage(upkeep, {
      dryRun: options.dryRun,
      untagged: options.untagged,
      signal,
      onEvent,
      ...(options.grace === undefined ? {} : { grace: options.grace }),
      ...(options.rate === undefined ? {} : { rate: options.rate }),
    });
    out.result(options.dryRun ? { ...report, blobs: listed } : report, lines(report), []);
    if (report.kept.length === 0) return;
    const names = report.kept.map(({ name }) => name).join(", ");
    throw new OciError("CHECK_FAILED", `Nothing was removed from ${names}: not everything there can be read`);
  },
});

function lines(report: CollectReport): readonly string[] {
  if (report.postponed > 0) {
    return [`The clock was set: nothing is removed for another ${formatDuration(report.postponed)}`];
  }
  const would = report.dryRun ? "Would remove" : "Removed";
  return [
    ...report.kept.flatMap(({ name, unreadable }) =>
      unreadable.map(({ reason }) => `${style.red("kept")} ${name}: ${reason}`),
    ),
    `${would} ${formatCount(report.removed, "blob")} (${formatBytes(report.bytes)}, ${formatBytes(report.freed)} of them shared with nobody) and ${formatCount(report.uploads, "upload")} (${formatBytes(report.uploadBytes)}) from ${formatCount(report.repositories, "repository", "repositories")}`,
  ];
}
