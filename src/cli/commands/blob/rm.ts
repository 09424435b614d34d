import { isOciError } from "../../../error/oci-error.ts";
import { need } from "../../../store/need.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { flag, required } from "../../option.ts";
import { describePlace, requireDigest } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about: "Removes a blob by its digest. Manifests that name it are not looked for: they become incomplete.",
  arguments: { target: required("TARGET", "the blob, with its digest") },
  options: { ...connection, ignoreMissing: flag("--ignore-missing", "no error where there is no such blob"), dryRun },
  examples: [
    {
      about: "Remove a blob that nothing names any more",
      line: "berth blob rm ocidir://images@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
    },
    {
      about: "Only look whether it is there",
      line: "berth blob rm localhost:5000/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 --dry-run",
    },
  ],
  writes: true,
  async run({ target }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(target, "write", options, context);
    const digest = requireDigest(opened);
    const descriptor = await opened.store.resolve({ digest }, { kind: "blob", signal }).catch((error: unknown) => {
      if (options.ignoreMissing && isOciError(error, "BLOB_UNKNOWN", "NAME_UNKNOWN")) return undefined;
      throw error;
    });
    if (descriptor === undefined) {
      out.result({ digest, removed: false }, []);
      context.note(`There is no ${target}`);
      return;
    }
    const { size } = descriptor;
    if (options.dryRun) {
      out.result({ dryRun: true, digest, size }, [`Would remove ${digest} from ${describePlace(opened)}`]);
      return;
    }
    await need(opened.store, "delete")(descriptor, { kind: "blob", signal });
    out.result({ digest, size, removed: true }, [digest]);
  },
});
