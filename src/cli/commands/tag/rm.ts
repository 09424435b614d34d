import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required } from "../../option.ts";
import { describePlace, requireTag } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Removes one tag and nothing else: the manifest stays, by its digest and its other tags. With a digest beside the tag it is removed only if it still points there.",
  arguments: { target: required("TARGET", "the tag, with or without the digest it should have") },
  options: { ...connection, dryRun },
  examples: [
    { about: "Remove a tag from a layout", line: "berth tag rm ocidir://images:v1" },
    {
      about: "Only if nobody moved it meanwhile",
      line: "berth tag rm ghcr.io/org/app:v1@$(berth digest ghcr.io/org/app:v1)",
    },
  ],
  writes: true,
  async run({ target }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(target, "write", options, context);
    const tag = await requireTag(opened);
    const expect = opened.digest;
    const { digest } = await opened.store.resolve({ tag }, { signal });
    if (options.dryRun) {
      out.result({ dryRun: true, tag, digest }, [`Would remove the tag ${tag} from ${describePlace(opened)}`]);
      return;
    }
    await opened.store.update([{ tag, to: null, ...(expect === undefined ? {} : { expect }) }], { signal });
    out.result({ tag, digest, removed: true }, [`${tag} ${digest}`]);
  },
});
