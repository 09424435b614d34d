import { isOciError, OciError } from "../../../error/oci-error.ts";
import { describeOpened } from "../../../open/opened.ts";
import { parseTag } from "../../../spec/name.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required, text } from "../../option.ts";
import { resolveManifest, tagMeant } from "../../resolve.ts";
import { dryRun, platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Opens a manifest in $VISUAL or $EDITOR, checks what comes back, stores it and prints its digest. The tag moves only if it is still what was read; a manifest by digest gets no tag. What is not valid is stored nowhere, and its file is kept.",
  arguments: { source: required("SOURCE", "a manifest by tag or digest") },
  options: {
    ...connection,
    platform,
    tag: text("-t, --tag <tag>", "write it under this tag instead, and leave the other one"),
    dryRun,
  },
  examples: [
    { about: "Add an annotation by hand", line: "berth manifest edit ocidir://images:v1" },
    {
      about: "The same by a program, under another tag",
      line: 'EDITOR="sed -i s/amd64/arm64/" berth manifest edit ocidir://images:v1 --tag v2',
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    const { signal, out } = context;
    const named = options.tag === undefined ? undefined : parseTag(options.tag);
    await using opened = await openLocated(source, options.dryRun ? "read" : "write", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const { readEditable, readEdited } = await import("../../../content/edit-manifest.ts");
    const before = await readEditable(opened.store, descriptor, { signal });
    const { editedFile } = await import("../../editor.ts");
    await using file = await editedFile(before.text, "manifest.json", context);
    const edited = await file.edit();
    try {
      const prepared = readEdited(before, edited);
      if (prepared === undefined) {
        out.result({ ...descriptor, changed: false }, [descriptor.digest]);
        context.note("Nothing was changed");
        return;
      }
      // One of an index's images has no tag of its own: that of the index must not move to it.
      const own = options.platform === undefined ? await tagMeant(opened) : undefined;
      const tags = [named ?? own].filter((tag) => tag !== undefined);
      const { digest } = prepared.descriptor;
      const result = { ...prepared.descriptor, tags, before: descriptor.digest };
      if (options.dryRun) {
        out.result({ dryRun: true, ...result }, [`Would write ${digest} into ${describeOpened(opened)}`]);
        return;
      }
      const { writeManifest } = await import("../../../content/write-manifest.ts");
      const expect = named === undefined && own !== undefined ? { expect: descriptor.digest } : {};
      await writeManifest(opened.store, prepared, { tags, signal, ...expect });
      out.result({ ...result, changed: true }, [digest]);
    } catch (error) {
      file.keep();
      if (!isOciError(error)) throw error;
      throw new OciError(error.code, error.message, { cause: error, hint: `What you wrote is in ${file.path}` });
    }
  },
});
