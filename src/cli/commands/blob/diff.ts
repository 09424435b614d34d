import { type Opened, describeOpened } from "../../../open/opened.ts";
import type { DiffSide } from "../../../content/diff-manifests.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { diffLines } from "../../diff-output.ts";
import { integer, required } from "../../option.ts";
import { requireDigest } from "../../resolve.ts";

export const command: Command = defineCommand({
  about:
    "Compares two blobs. Configurations are compared as indented JSON; layers, whatever their compression, as lists of files with type, mode, owner, size and digest of the content, times left out. Prints nothing where they say the same.",
  arguments: { one: required("ONE", "a blob with its digest"), other: required("OTHER", "another one") },
  options: { ...connection, context: integer("--context <n>", "equal lines of JSON around a difference", 0, 1000) },
  examples: [
    {
      about: "Which files two layers do not share",
      line: "berth blob diff ghcr.io/org/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 ocidir://images@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
    },
    {
      about: "Only the paths that one of them does not have",
      line: 'berth blob diff ./images@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 ghcr.io/org/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 --format "added[].path"',
    },
  ],
  async run({ one, other }, options, context) {
    const { signal, out } = context;
    await refuseSharedCredentials([one, other], options, context);
    await using first = await openLocated(one, "read", options, context);
    await using second = await openLocated(other, "read", options, context);
    const side = async (opened: Opened): Promise<DiffSide> => ({
      source: opened.store,
      descriptor: await opened.store.resolve({ digest: requireDigest(opened) }, { kind: "blob", signal }),
      name: describeOpened(opened),
    });
    const { diffBlobs } = await import("../../../content/diff-blobs.ts");
    const found = await diffBlobs(await side(first), await side(second), {
      signal,
      ...(options.context === undefined ? {} : { context: options.context }),
    });
    out.result({ one: first.digest, other: second.digest, ...found }, () => diffLines(found.diff));
    if (!found.same && found.diff === "") context.note("They say the same in other bytes");
  },
});
