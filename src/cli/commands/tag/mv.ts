import { parseTag } from "../../../spec/name.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required } from "../../option.ts";
import { describePlace, requireTag } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Gives a tag another name; the manifest stays where it is. In a layout both happen in one step; in a registry the new tag comes first. A tag NEW that exists moves. With a digest in SOURCE only if the tag still points there.",
  arguments: {
    source: required("SOURCE", "the tag, with or without the digest it should have"),
    name: required("NEW", "its new name"),
  },
  options: { ...connection, dryRun },
  examples: [
    { about: "A candidate becomes a release", line: "berth tag mv ocidir://images:v1 release" },
    { about: "See what would happen in a registry", line: "berth tag mv ghcr.io/org/app:1.4.2 1.4.2-old --dry-run" },
  ],
  writes: true,
  async run({ source, name }, options, context) {
    const { signal, out } = context;
    const to = parseTag(name);
    await using opened = await openLocated(source, "write", options, context);
    const from = await requireTag(opened);
    if (options.dryRun) {
      const { digest } = await opened.store.resolve({ tag: from }, { signal });
      out.result({ dryRun: true, from, to, digest }, [
        `Would call ${digest} in ${describePlace(opened)} ${to} instead of ${from}`,
      ]);
      return;
    }
    const { moveTag } = await import("../../../content/move-tag.ts");
    const expect = opened.digest;
    const moved = await moveTag(opened.store, { from, to }, { signal, ...(expect === undefined ? {} : { expect }) });
    out.result(moved, [moved.digest]);
  },
});
