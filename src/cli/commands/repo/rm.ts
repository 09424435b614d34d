import { OciError } from "../../../error/oci-error.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { formatCount } from "../../format.ts";
import { flag, required } from "../../option.ts";
import { describePlace } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Removes every tag, and every manifest that the tags lead to: children of indexes, referrers, theirs. It wants --yes; --dry-run shows what would go. Blobs stay until garbage is collected, and a registry may go on listing the name.",
  arguments: { target: required("TARGET", "a repository or layout") },
  options: { ...connection, yes: flag("--yes", "really remove all of it"), dryRun },
  examples: [
    { about: "See what would go", line: "berth repo rm localhost:5000/org/app --dry-run" },
    { about: "Empty a layout, then free its space", line: "berth repo rm ocidir://images --yes && berth gc ./images" },
  ],
  writes: true,
  async run({ target }, options, context) {
    const { signal, out } = context;
    const { yes, dryRun: only } = options;
    if (!yes && !only) {
      throw new OciError("USAGE", `Expected --yes before everything in ${target} goes`, {
        hint: "See first what would go, with --dry-run",
      });
    }
    await using opened = await openLocated(target, "write", options, context);
    if (opened.tag !== undefined || opened.digest !== undefined) {
      throw new OciError("LOCATOR_INVALID", `Expected a repository without tag and digest, got ${target}`, {
        hint: "Remove a tag with berth tag rm, a manifest with berth manifest rm",
      });
    }
    const { removeRepository } = await import("../../../content/remove-repository.ts");
    const { tags, manifests } = await removeRepository(opened.store, { dryRun: only, signal });
    const repository = describePlace(opened);
    const result = { repository, tags, manifests: manifests.map(({ digest }) => digest) };
    const what = `${formatCount(tags.length, "tag")} and ${formatCount(manifests.length, "manifest")}`;
    if (only) {
      out.result({ dryRun: true, ...result }, () => [
        ...tags.map((tag) => `tag      ${tag}`),
        ...manifests.map(({ digest }) => `manifest ${digest}`),
        `Would remove ${what} from ${repository}`,
      ]);
      return;
    }
    out.result({ ...result, removed: true }, [`Removed ${what} from ${repository}`]);
  },
});
