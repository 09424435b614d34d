import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { formatBytes } from "../../format.ts";
import { resolvePath } from "../../input.ts";
import { required, text } from "../../option.ts";
import { requireDigest } from "../../resolve.ts";

export const command: Command = defineCommand({
  about:
    "Writes a blob to standard output or a file. Size and digest are checked on the way: a file appears only when they are right, and standard output never gets the end of a wrong blob.",
  arguments: { source: required("SOURCE", "the blob, with its digest") },
  options: { ...connection, output: text("-o, --output <file>", "write it to this file, whole or not at all", "file") },
  examples: [
    {
      about: "Save a layer",
      line: "berth blob get ghcr.io/org/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 -o layer.tar.gz",
    },
    {
      about: "List the files of a layer in a layout",
      line: "berth blob get ocidir://images@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 | tar -tzf -",
    },
  ],
  async run({ source }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await opened.store.resolve({ digest: requireDigest(opened) }, { kind: "blob", signal });
    const bytes = opened.store.fetch(descriptor, { kind: "blob", signal });
    if (options.output === undefined) {
      await out.bytes(bytes);
      return;
    }
    const file = resolvePath(options.output, context);
    const { writeOutputFile } = await import("../../output-file.ts");
    await writeOutputFile(file, bytes, signal);
    out.result({ digest: descriptor.digest, size: descriptor.size, file }, [descriptor.digest]);
    context.note(`Wrote ${formatBytes(descriptor.size)} to ${options.output}`);
  },
});
