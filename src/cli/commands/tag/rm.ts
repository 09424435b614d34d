import { isOciError } from "../../../error/oci-error.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { flag, required } from "../../option.ts";
import { describePlace, requireTag } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Removes one tag and nothing else: the manifest stays, by its digest and its other tags. With a digest beside the tag it is removed only if it still points there. Where a registry deletes manifests but no tags, the tag is moved to a manifest made for it, and that one is deleted.",
  arguments: { target: required("TARGET", "the tag, with or without the digest it should have") },
  options: {
    ...connection,
    ignoreMissing: flag("--ignore-missing", "no error where there is no such tag"),
    dryRun,
  },
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
    const missing = (error: unknown): boolean =>
      options.ignoreMissing && isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN");
    try {
      await using opened = await openLocated(target, "write", options, context);
      const tag = await requireTag(opened);
      if (options.dryRun) {
        const { digest } = await opened.store.resolve({ tag }, { signal });
        out.result({ dryRun: true, tag, digest }, [`Would remove the tag ${tag} from ${describePlace(opened)}`]);
        return;
      }
      const { removeTag } = await import("../../../store/remove-tag.ts");
      const expect = opened.digest;
      const { digest } = await removeTag(opened.store, tag, { signal, ...(expect === undefined ? {} : { expect }) });
      out.result({ tag, digest, removed: true }, [`${tag} ${digest}`]);
    } catch (error) {
      if (!missing(error)) throw error;
      out.result({ target, removed: false }, []);
      context.note(`There is no ${target}`);
    }
  },
});
