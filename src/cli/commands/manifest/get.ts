import { collect } from "../../../bytes/collect.ts";
import { fromBuffer } from "../../../bytes/bytes.ts";
import { OciError } from "../../../error/oci-error.ts";
import type { Descriptor } from "../../../spec/descriptor.ts";
import { Limits } from "../../../spec/limits.ts";
import type { Source } from "../../../store/store.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { resolvePath } from "../../input.ts";
import { flag, required, text } from "../../option.ts";
import { resolveManifest } from "../../resolve.ts";
import { platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Prints the manifest's bytes exactly as they are stored, so that their digest is the manifest's; with --config those of the configuration that it names. With --json: the descriptor and, where it is JSON, the content.",
  arguments: { source: required("SOURCE", "a manifest by tag or digest") },
  options: {
    ...connection,
    platform,
    config: flag("--config", "the configuration of the image instead of its manifest"),
    raw: flag("--raw", "the exact bytes, as without any option"),
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
    if (options.raw && (options.pretty || out.json)) {
      throw new OciError("USAGE", "Expected either --raw, or --pretty, --json or --format");
    }
    const manifest = await resolveManifest(opened, options.platform, context);
    const descriptor = options.config ? await configOf(opened.store, manifest, signal) : manifest;
    const bytes = options.config
      ? await collect(opened.store.fetch(descriptor, { kind: "blob", signal }), Limits.config, "configuration")
      : await collect(opened.store.fetch(descriptor, { signal }), Limits.manifest, "manifest");
    const content = options.pretty || out.json ? jsonOf(bytes) : undefined;
    if (options.output !== undefined) {
      const file = resolvePath(options.output, context);
      const { writeOutputFile } = await import("../../output-file.ts");
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

/** The one config among what a manifest names. */
async function configOf(source: Source, manifest: Descriptor, signal: AbortSignal): Promise<Descriptor> {
  const { ManifestReader } = await import("../../../graph/manifest-reader.ts");
  const edges = await new ManifestReader(source).edges(manifest, { signal });
  const config = edges.find(({ role }) => role === "config")?.descriptor;
  if (config) return config;
  throw new OciError("MANIFEST_INVALID", `${manifest.digest} has no configuration: it is no image`, {
    digest: manifest.digest,
    hint: "Choose one image of an index with --platform",
  });
}

/** A manifest of an unknown type need not be JSON. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
