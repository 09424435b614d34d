import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated } from "../connection.ts";
import { required } from "../option.ts";
import { resolveManifest } from "../resolve.ts";
import { platform } from "../shared-options.ts";

export const command: Command = defineCommand({
  about: "Resolves the tag and prints the digest of its manifest. Nothing but the manifest's head is fetched.",
  arguments: { source: required("SOURCE", "an image or artifact in a registry or layout") },
  options: { ...connection, platform },
  examples: [
    { about: "The digest behind a tag in a registry", line: "berth digest alpine:3.20" },
    {
      about: "The digest of one platform's image in a layout",
      line: "berth digest ocidir://images:v1 --platform linux/arm64",
    },
  ],
  async run({ source }, options, context) {
    await using opened = await openLocated(source, "read", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    context.out.result(descriptor, [descriptor.digest]);
  },
});
