import { OciError } from "../../../error/oci-error.ts";
import type { ImageChange } from "../../../image/image-change.ts";
import { type Command, defineCommand } from "../../command.ts";
import { openLocated } from "../../connection.ts";
import { annotatedBase, editImage, editOptions, openBase } from "../../image-edit.ts";
import { modOptions, readModOptions } from "../../image-mod-options.ts";
import { openImage } from "../../image-source.ts";
import { flag, required, text } from "../../option.ts";

export const command: Command = defineCommand({
  about:
    "Changes an image, or every image of an index, and rebuilds the index above. What is not named stays as it is, layers included. A change makes new digests: what hangs on the old ones stays with them, unless --referrers copies it to the new ones. Signatures and attestations never follow, since they speak of the old digest: sign again. Choose where the result goes with --replace, --tag or --create.",
  arguments: { source: required("SOURCE", "the image or index to change") },
  options: {
    ...editOptions,
    ...modOptions,
    rebase: flag("--rebase", "put the layers of a newer base in the place of the old one's, as image rebase does"),
    oldBase: text("--old-base <locator>", "the base that the image is built on (default: as its annotations say)"),
    newBase: text("--new-base <locator>", "the base that it shall have (default: as its annotations say)"),
  },
  examples: [
    {
      about: "Label an image in a layout and move its tag",
      line: "berth image mod ocidir://images:v1 --replace --label org.opencontainers.image.licenses=Apache-2.0",
    },
    {
      about: "A reproducible variant beside the original, with the SBOMs",
      line: "berth image mod localhost:5000/app:v1 --tag v1-fixed --time-max 2026-01-01 --referrers",
    },
    {
      about: "Without a secret that a layer brought, in zstd, in another place",
      line: "berth image mod localhost:5000/app:v1 --create ocidir://images:clean --layer-strip-file /root/.npmrc --layer-compress zstd",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    await using stack = new AsyncDisposableStack();
    const { oldBase, newBase, rebase } = options;
    const bases = [oldBase, newBase].filter((base) => base !== undefined);
    if (bases.length > 0 && !rebase) throw new OciError("USAGE", "--old-base and --new-base belong to --rebase");
    const countLayers = async (base: string): Promise<number> => {
      const opened = stack.use(await openLocated(base, "read", options, context));
      return (await openImage(opened, options.platforms[0], context)).manifest.layers.length;
    };
    const open = (name: string): ReturnType<typeof openBase> => openBase(name, options, context, stack);
    const change = async (): Promise<ImageChange> => ({
      ...(await readModOptions(options, context, countLayers)),
      ...(rebase
        ? {
            rebase: {
              ...(oldBase === undefined ? {} : { old: await open(oldBase) }),
              ...(newBase === undefined ? {} : { new: await open(newBase) }),
              open: (name, digest) => open(annotatedBase(name, digest)),
            },
          }
        : {}),
    });
    await editImage(source, options, context, change, bases);
  },
});
