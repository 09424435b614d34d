import { type Command, defineCommand } from "../../command.ts";
import { annotatedBase, editImage, editOptions, openBase } from "../../image-edit.ts";
import { required, text } from "../../option.ts";

export const command: Command = defineCommand({
  about:
    "Puts the layers of a new base in the place of those of the old one, in an image or in every image of an index, without building it again. The bases are those that the annotations org.opencontainers.image.base.name and .digest tell, or those that are given. An image whose lowest layers are not those of the old base is left alone with an error. Its own layers and its configuration stay; what runs has to fit the new base.",
  arguments: { source: required("SOURCE", "the image or index to rebase") },
  options: {
    ...editOptions,
    oldBase: text("--old-base <locator>", "the base that the image is built on (default: as its annotations say)"),
    newBase: text("--new-base <locator>", "the base that it shall have (default: as its annotations say)"),
  },
  examples: [
    {
      about: "Onto what the tag of its base points at today",
      line: "berth image rebase localhost:5000/app:v1 --replace",
    },
    {
      about: "From one release to the next, in a layout",
      line: "berth image rebase ocidir://images:v1 --old-base alpine:3.19 --new-base alpine:3.20 --tag v1-3.20",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    const { oldBase, newBase } = options;
    await using stack = new AsyncDisposableStack();
    const open = (name: string): ReturnType<typeof openBase> => openBase(name, options, context, stack);
    await editImage(
      source,
      options,
      context,
      async () => ({
        rebase: {
          ...(oldBase === undefined ? {} : { old: await open(oldBase) }),
          ...(newBase === undefined ? {} : { new: await open(newBase) }),
          open: (name, digest) => open(annotatedBase(name, digest)),
        },
      }),
      [oldBase, newBase].filter((base) => base !== undefined),
    );
  },
});
