import { need } from "../../../store/need.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required } from "../../option.ts";
import { describePlace, requireDigest } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Removes a manifest by its digest, and with it every tag that points at it. Its children, blobs and referrers stay. To remove only a tag: berth tag rm.",
  arguments: { target: required("TARGET", "the manifest, with its digest") },
  options: { ...connection, dryRun },
  examples: [
    {
      about: "Remove what a tag points at, with all of its tags",
      line: "berth manifest rm localhost:5000/app@$(berth digest localhost:5000/app:v1)",
    },
    {
      about: "See first what would go",
      line: "berth manifest rm ocidir://images@$(berth digest ocidir://images:v1) --dry-run",
    },
  ],
  writes: true,
  async run({ target }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(target, "write", options, context);
    const digest = requireDigest(opened);
    const descriptor = await opened.store.resolve({ digest }, { signal });
    const tags: string[] = [];
    if (options.dryRun) {
      for await (const tag of opened.store.tags({ signal })) if (tag.descriptor?.digest === digest) tags.push(tag.name);
      const named = tags.length === 0 ? "" : `, with its tags ${tags.join(", ")}`;
      out.result({ dryRun: true, ...descriptor, tags }, [
        `Would remove ${digest} from ${describePlace(opened)}${named}`,
      ]);
      return;
    }
    await need(opened.store, "delete")(descriptor, { kind: "manifest", signal });
    out.result({ ...descriptor, removed: true }, [digest]);
  },
});
