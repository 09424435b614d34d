import { collect } from "../../../bytes/collect.ts";
import { fromBuffer } from "../../../bytes/bytes.ts";
import { Limits } from "../../../spec/limits.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { resolvePath } from "../../input.ts";
import { flag, required, text } from "../../option.ts";
import { writeOutputFile } from "../../output-file.ts";
import { resolveManifest } from "../../resolve.ts";
import { platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Prints the manifest's bytes exactly as they are stored, so that their digest is the manifest's. With --json: its descriptor and, where it is JSON, its content.",
  arguments: { source: required("SOURCE", "a manifest by tag or digest") },
  options: {
    ...connection,
    platform,
    pretty: flag("--pretty", "indent it for reading; the bytes are no longer those of the digest"),
    output: text("-o, --output <file>", "write the bytes to this file", "file"),
  },
  examples: [
    { about: "Look at an image index", line: "berth manifest get --pretty alpine:3.20" },
    {
      about: "Save the manifest of one platform, byte for byte",
      line: "berth manifest get ocidir://images:v1 --platform linux/amd64 -o manifest.json",
    },
  ],
  async run({ source }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const bytes = await collect(opened.store.fetch(descriptor, { signal }), Limits.manifest, "manifest");
    const content = options.pretty || out.json ? jsonOf(bytes) : undefined;
    if (options.output !== undefined) {
      const file = resolvePath(options.output, context);
      await writeOutputFile(file, fromBuffer(bytes), signal);
      out.result({ ...descriptor, file }, [descriptor.digest]);
    } else if (out.json) {
      out.result({ ...descriptor, content }, []);
    } else {
      const shown = content === undefined ? bytes : Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`);
      await out.bytes(fromBuffer(shown));
    }
  },
});

/** A manifest of an unknown type need not be JSON. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
