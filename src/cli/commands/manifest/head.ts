import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { formatDescriptor } from "../../format.ts";
import { required } from "../../option.ts";
import { purlWriter, resolveManifest } from "../../resolve.ts";
import { platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about: "Prints digest, media type and size of a manifest without fetching it. Exit code 3: it is not there.",
  arguments: { source: required("SOURCE", "a manifest by tag or digest") },
  options: { ...connection, platform },
  examples: [
    { about: "Is this tag there, and what is it", line: "berth manifest head ghcr.io/org/app:v1" },
    { about: "The descriptor of a layout's only image, for a script", line: "berth manifest head ./images --json" },
  ],
  async run({ source }, options, context) {
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const purl = context.out.json ? (await purlWriter(opened))(descriptor.digest, opened.tag) : {};
    context.out.result({ ...descriptor, ...purl }, () => formatDescriptor(descriptor));
  },
});
