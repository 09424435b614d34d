import { lookFrom } from "../../../open/look.ts";
import { type Command, defineCommand } from "../../command.ts";
import { required } from "../../option.ts";
import { readDirectory } from "../../path-argument.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Makes an empty OCI image layout. A layout that is there already stays as it is. Commands that write make a missing layout themselves.",
  arguments: { path: required("PATH", "the directory; it is made where it is missing") },
  options: { dryRun },
  examples: [
    { about: "Start a layout", line: "berth layout init ./images" },
    { about: "See whether there is one already", line: "berth layout init ./images --dry-run --json" },
  ],
  writes: true,
  async run({ path }, options, context) {
    const directory = readDirectory(path, context);
    const created = lookFrom(context.cwd)(directory) !== "layout";
    if (!options.dryRun) {
      const { openLayout } = await import("../../../layout/open-layout.ts");
      await using _layout = await openLayout(directory, { create: true, signal: context.signal });
    }
    const verb = options.dryRun ? "Would make" : "Made";
    context.out.result(
      { ...(options.dryRun ? { dryRun: true } : {}), path: directory, created },
      [created ? `${verb} the layout ${directory}` : `There is a layout at ${directory} already`],
      options.dryRun ? undefined : [],
    );
  },
});
