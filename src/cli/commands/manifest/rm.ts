import { isOciError } from "../../../error/oci-error.ts";
import { nameOf, type Opened } from "../../../open/opened.ts";
import type { Descriptor } from "../../../spec/descriptor.ts";
import { need } from "../../../store/need.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { flag, required } from "../../option.ts";
import { describePlace, requireDigest } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Removes a manifest by its digest, and with it every tag that points at it. Its children, blobs and referrers stay. To remove only a tag: berth tag rm. That a tag is meant to say which manifest, all of whose tags go, has to be said with --force-tag-dereference.",
  arguments: { target: required("TARGET", "the manifest, with its digest") },
  options: {
    ...connection,
    dereference: flag("--force-tag-dereference", "take the manifest that a tag points at"),
    ignoreMissing: flag("--ignore-missing", "no error where there is no such manifest"),
    dryRun,
  },
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
    const descriptor = await find(opened, options, signal);
    if (descriptor === undefined) {
      out.result({ target, removed: false }, []);
      context.note(`There is no ${target}`);
      return;
    }
    const { digest } = descriptor;
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

async function find(
  opened: Opened,
  options: { readonly dereference: boolean; readonly ignoreMissing: boolean },
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  const name = options.dereference ? await nameOf(opened, { signal }) : { digest: requireDigest(opened) };
  try {
    return await opened.store.resolve(name, { signal });
  } catch (error) {
    if (options.ignoreMissing && isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
    throw error;
  }
}
