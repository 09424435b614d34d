import { OciError } from "../../../error/oci-error.ts";
import { type Command, defineCommand } from "../../command.ts";
import { openLocated } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { editImage, editOptions, type EditValues } from "../../image-edit.ts";
import { openImage } from "../../image-source.ts";
import { resolvePath } from "../../input.ts";
import { choice, required, text } from "../../option.ts";

const COMPRESSIONS = ["gzip", "zstd", "none"] as const;

export const command: Command = defineCommand({
  about:
    "Makes one layer of all layers of an image, or of every image of an index. What lower layers brought and higher ones took away is gone from it; each file keeps its mode, owner, time and attributes. Equal layers give an equal result. The configuration stays, the history becomes one line. With --output the files become a tar here, and no image.",
  arguments: { source: required("SOURCE", "the image or index to flatten") },
  options: {
    ...editOptions,
    output: text(
      "-o, --output <file>",
      "write the files of one image into this tar here; - for standard output",
      "file",
    ),
    compression: choice("--compression <how>", "of the layer (default: as the top layer); of the tar (default: none)", [
      ...COMPRESSIONS,
    ]),
  },
  examples: [
    {
      about: "One layer, under a tag beside the original",
      line: "berth image flatten localhost:5000/app:v1 --tag v1-flat",
    },
    {
      about: "One platform of an image, flat, in a layout",
      line: "berth image flatten ocidir://images:v1 --platform linux/arm64 --create ocidir://flat:v1",
    },
    {
      about: "List the files of an image as a tar has them",
      line: "berth image flatten alpine:3.20 -o - | tar -tf -",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    const { output, compression } = options;
    if (output !== undefined) return exportFiles(source, { ...options, output }, context);
    await editImage(source, options, context, () => ({
      flatten: true,
      ...(compression === undefined ? {} : { compression }),
    }));
  },
});

type ExportValues = EditValues & {
  readonly output: string;
  readonly compression: (typeof COMPRESSIONS)[number] | undefined;
};

/** Writes the tar of one image; whole or not at all where it is a file. */
async function exportFiles(source: string, options: ExportValues, context: Context): Promise<void> {
  const { output, compression = "none", platforms, replace, tag, create, referrers, dryRun } = options;
  if (replace || referrers || tag !== undefined || create !== undefined || platforms.length > 1) {
    throw new OciError("USAGE", "Expected --output alone: it makes one tar and no image", {
      hint: "At most one --platform, and none of --replace, --tag, --create and --referrers",
    });
  }
  const { signal, out } = context;
  await using opened = await openLocated(source, "read", options, context);
  const image = await openImage(opened, platforms[0], context);
  const { digest } = image.descriptor;
  if (dryRun)
    return out.result({ dryRun: true, digest, file: output }, [`Would write the files of ${digest} to ${output}`]);
  const [{ exportImageTar }, { compress }] = await Promise.all([
    import("../../../image/flatten.ts"),
    import("../../../tar/compress.ts"),
  ]);
  const bytes = compress(exportImageTar(image, { signal }), compression, signal);
  if (output === "-") return await out.bytes(bytes);
  const { writeOutputFile } = await import("../../output-file.ts");
  await writeOutputFile(resolvePath(output, context), bytes, signal);
  out.result({ digest, file: resolvePath(output, context) }, [digest]);
}
