import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { changeIndex } from "../../index-change.ts";
import { entryOptions, gatherEntries, tellDockerLimits } from "../../index-options.ts";
import { flag, required, variadic } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Adds images to an index and prints the new digest; a SOURCE that is an index gives its images. They are copied to where the index lies. The tag moves only if it is still what was read.",
  arguments: {
    target: required("TARGET", "the index, by tag or digest"),
    sources: variadic("SOURCE", "images and indexes, from anywhere, by tag or digest"),
  },
  options: {
    ...connection,
    ...entryOptions,
    replace: flag("--replace", "let an image take the place of the one for the same platform"),
    dryRun,
  },
  examples: [
    {
      about: "Put a new build in the place of the old one",
      line: "berth index add localhost:5000/app:v1 ocidir://images:v1 --platform linux/arm64 --replace",
    },
    {
      about: "What the index of a layout would become",
      line: "berth index add ocidir://images:v1 ghcr.io/org/app:v1 --replace --dry-run",
    },
  ],
  writes: true,
  async run({ target, sources }, options, context) {
    await refuseSharedCredentials([target, ...sources], options, context);
    await using opened = await openLocated(target, options.dryRun ? "read" : "write", options, context);
    await changeIndex(opened, options.dryRun, context, async (index) => {
      const added = await gatherEntries(sources, options.dryRun ? undefined : opened.store, options, context);
      tellDockerLimits(index.descriptor.mediaType, added, options, context);
      const { addEntries } = await import("../../../content/index-edit.ts");
      return { prepared: addEntries(index, added, { replace: options.replace }), result: { added } };
    });
  },
});
