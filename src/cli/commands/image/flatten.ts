import { type Command, defineCommand } from "../../command.ts";
import { editImage, editOptions } from "../../image-edit.ts";
import { choice, required } from "../../option.ts";

export const command: Command = defineCommand({
  about:
    "Makes one layer of all layers of an image, or of every image of an index. What lower layers brought and higher ones took away is gone from it; each file keeps its mode, owner, time and attributes. Equal layers give an equal result. The configuration stays, the history becomes one line.",
  arguments: { source: required("SOURCE", "the image or index to flatten") },
  options: {
    ...editOptions,
    compression: choice("--compression <how>", "of the layer (default: as the top layer)", ["gzip", "zstd", "none"]),
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
  ],
  writes: true,
  async run({ source }, options, context) {
    await editImage(source, options, context, () => ({
      flatten: true,
      ...(options.compression === undefined ? {} : { compression: options.compression }),
    }));
  },
});
