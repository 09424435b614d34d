import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { formatFields } from "../../format.ts";
import { required } from "../../option.ts";
import { requireDigest } from "../../resolve.ts";

export const command: Command = defineCommand({
  about: "Prints a blob's digest and size without fetching it. Exit code 3: it is not there.",
  arguments: { source: required("SOURCE", "the blob, with its digest") },
  options: { ...connection },
  examples: [
    {
      about: "Is this layer there, and how large is it",
      line: "berth blob head ghcr.io/org/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
    },
    {
      about: "The same of a layout, for a script",
      line: "berth blob head ocidir://images@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 --json",
    },
  ],
  async run({ source }, options, context) {
    await using opened = await openLocated(source, "read", options, context);
    const { digest, size } = await opened.store.resolve(
      { digest: requireDigest(opened) },
      { kind: "blob", signal: context.signal },
    );
    context.out.result({ digest, size }, () => formatFields(Object.entries({ digest, size })));
  },
});
