import type { ReindexReport } from "../../../depot/reindex.ts";
import { OciError } from "../../../error/oci-error.ts";
import { type Command, defineCommand } from "../../command.ts";
import { formatCount } from "../../format.ts";
import { flag, required } from "../../option.ts";
import { requireOwner } from "../../owner.ts";
import { readDirectory } from "../../path-argument.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Rebuilds the catalog of a folder that berth serves from the layouts in it, while no server works on it: tags and manifests that other tools added or moved come in, a missing or damaged catalog is made anew. What only the catalog knows stays, unless --prune is given. The layouts stay as they are.",
  arguments: { root: required("ROOT", "the folder that is served") },
  options: { dryRun, prune: flag("--prune", "forget what is missing in the layouts") },
  examples: [
    { about: "After the catalog was lost", line: "berth depot reindex ./registry" },
    { about: "See what was removed by other tools", line: "berth depot reindex ./registry --prune --dry-run --json" },
  ],
  writes: true,
  async run({ root }, options, context) {
    const { signal, onEvent, out } = context;
    const directory = readDirectory(root, context);
    if (!options.dryRun) await requireOwner(directory);
    const [{ reindex }, { isDepotRoot, requireNoDepotAbove }] = await Promise.all([
      import("../../../depot/reindex.ts"),
      import("../../../open/depot-above.ts"),
    ]);
    if (!isDepotRoot(directory)) requireNoDepotAbove(directory);
    const report = await reindex(directory, {
      prune: options.prune,
      dryRun: options.dryRun,
      signal,
      onEvent: (event) => {
        onEvent(event);
        if (event.type !== "tag-kept") return;
        const { repository, tag, ours, theirs } = event;
        context.warn(`${repository}:${tag} stays at ${ours ?? "nothing"}, its layout says ${theirs}`);
      },
    });
    for (const { repository, reason } of report.unreadable) context.warn(`${repository} was left as it was: ${reason}`);
    out.result({ ...(options.dryRun ? { dryRun: true } : {}), ...report }, lines(report, options.dryRun), []);
    if (report.unreadable.length === 0) return;
    const names = report.unreadable.map(({ repository }) => repository).join(", ");
    throw new OciError("CHECK_FAILED", `Not every layout can be read: ${names}`);
  },
});

function lines(report: ReindexReport, isDryRun: boolean): readonly string[] {
  const { repositories, repositoriesRemoved, tags, manifests, damaged } = report;
  const removed =
    repositoriesRemoved === 0 ? "" : `, ${formatCount(repositoriesRemoved, "repository", "repositories")} removed`;
  return [
    ...(damaged === undefined
      ? []
      : [`The catalog ${isDryRun ? "is damaged and would be" : "was damaged and is"} kept as ${damaged}`]),
    `${isDryRun ? "Would read" : "Read"} ${formatCount(repositories, "repository", "repositories")}${removed}: ${formatCount(tags.added, "tag")} added, ${tags.moved} moved, ${tags.removed} removed; ${formatCount(manifests.added, "manifest")} added, ${manifests.removed} removed`,
  ];
}
