import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required, variadic } from "../../option.ts";
import { lazyLayers, openImage } from "../../image-source.ts";
import { describeOpened } from "../../../open/opened.ts";
import { platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Writes files of an image to standard output, byte for byte, one after the other. Links are followed inside the image. Layers are read from the top, those below only until the answer is certain. With --json it tells what the files are instead. Of an index without --platform the image for this machine is meant.",
  arguments: {
    source: required("SOURCE", "the image"),
    files: variadic("FILE", "a path in the image"),
  },
  options: { ...connection, platform, lazy: lazyLayers },
  examples: [
    { about: "Which release an image is", line: "berth image cat alpine:3.20 /etc/os-release" },
    {
      about: "A file of an image in a layout, into a file here",
      line: "berth image cat ocidir://images:v1 /app/run --platform linux/arm64 > run",
    },
  ],
  async run({ source, files }, options, context) {
    await using opened = await openLocated(source, "read", options, context);
    const { openImageFiles } = await import("../../../image/cat.ts");
    const image = await openImage(opened, options.platform, context);
    const contents = await openImageFiles(image, files, { signal: context.signal, lazy: options.lazy });
    if (context.out.json) {
      const shown = contents.map(({ path, entry }) => ({ ...entry, path }));
      return context.out.result({ source: describeOpened(opened), digest: image.descriptor.digest, files: shown }, []);
    }
    for (const { bytes } of contents) await context.out.bytes(bytes());
  },
});
