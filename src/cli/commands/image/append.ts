import { OciError } from "../../../error/oci-error.ts";
import { parseLayerText } from "../../../image/layer-input.ts";
import { parseTime } from "../../../image/time.ts";
import { Annotation } from "../../../spec/annotation.ts";
import { describeOpened, resolveOpened } from "../../../open/opened.ts";
import { type Command, defineCommand } from "../../command.ts";
import { editImage, editOptions } from "../../image-edit.ts";
import { resolvePath } from "../../input.ts";
import { readOwner } from "../../layer-owner.ts";
import { choice, flag, list, required, text } from "../../option.ts";
import { formatTime } from "../../../spec/time.ts";

export const command: Command = defineCommand({
  about:
    "Puts layers on top of an image, or of every image of an index: a tar, plain or compressed, which is taken as it is, or a folder or file with the path it gets in the image. PLATFORM= before it keeps it to images of that platform. All else stays: configuration, lower layers, annotations. The same input gives the same digest.",
  arguments: { source: required("SOURCE", "the image or index to put layers on") },
  options: {
    ...editOptions,
    layers: list("-f, --layer <[platform=]path[:target]>", "a folder, file or tar (may be repeated, lowest first)"),
    compression: choice("--compression <how>", "of the layers that are packed (default: gzip)", [
      "gzip",
      "zstd",
      "none",
    ]),
    created: text("--created <time>", "time of the new lines of the history, as RFC 3339 or seconds since 1970"),
    owner: text("--owner <uid[:gid]>", "who owns the packed files (default: 0:0)"),
    baseAnnotations: flag("--set-base-image-annotations", "annotate the result with what it is based on"),
  },
  examples: [
    {
      about: "A folder on a base, under a name of its own",
      line: "berth image append alpine:3.20 --layer ./dist:/app --create localhost:5000/app:v1",
    },
    {
      about: "A finished layer, and the tag moves",
      line: "berth image append ocidir://images:v1 --layer extra.tar.gz --replace",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    if (options.layers.length === 0) throw new OciError("USAGE", "Expected a --layer to put on the image");
    const addLayers = options.layers.map((written) => {
      const layer = parseLayerText(written);
      return { ...layer, path: resolvePath(layer.path, context) };
    });
    const owner = readOwner(options.owner);
    const written = options.created ?? context.env["SOURCE_DATE_EPOCH"];
    const created = written === undefined || written === "" ? undefined : parseTime(written);
    await editImage(source, options, context, async (opened) => {
      const { digest } = await resolveOpened(opened, { signal: context.signal });
      const name = opened.locator.medium === "registry" ? { [Annotation.BaseName]: describeOpened(opened) } : {};
      return {
        addLayers,
        ...(options.compression === undefined ? {} : { addedCompression: options.compression }),
        ...(created ? { createdAt: formatTime(created) } : {}),
        ...(created && options.created === undefined ? { epoch: Math.floor(created.getTime() / 1000) } : {}),
        ...(owner ? { owner } : {}),
        ...(options.baseAnnotations ? { annotations: { manifest: { [Annotation.BaseDigest]: digest, ...name } } } : {}),
      };
    });
  },
});
