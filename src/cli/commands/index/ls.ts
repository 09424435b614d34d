import { describeOpened } from "../../../open/opened.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required } from "../../option.ts";
import { resolveManifest } from "../../resolve.ts";

export const command: Command = defineCommand({
  about:
    "Lists what an index holds, a line each: platform, digest, size, and what it is. With --json the descriptors as they stand in the index.",
  arguments: { source: required("SOURCE", "the index, by tag or digest") },
  options: { ...connection },
  examples: [
    { about: "The platforms of an image", line: "berth index ls alpine:3.20" },
    {
      about: "The digests of a layout's index alone",
      line: 'berth index ls ocidir://images:v1 --format "manifests[].digest"',
    },
  ],
  async run({ source }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await resolveManifest(opened, undefined, context);
    const { readIndex } = await import("../../../content/index-edit.ts");
    const { document, entries } = await readIndex(opened.store, descriptor, { signal });
    const { entryLines } = await import("../../index-options.ts");
    out.result({ reference: describeOpened(opened), ...descriptor, manifests: document["manifests"] }, () =>
      entryLines(entries.map((entry) => entry.descriptor)),
    );
  },
});
