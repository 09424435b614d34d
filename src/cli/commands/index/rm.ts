import { OciError } from "../../../error/oci-error.ts";
import { parseDigest } from "../../../spec/digest.ts";
import { parsePlatformText } from "../../../spec/platform.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { changeIndex } from "../../index-change.ts";
import { list, required } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Takes images out of an index and prints the new digest, with the attestations that speak of them. The images themselves stay where they are. The tag moves only if it is still what was read.",
  arguments: { target: required("TARGET", "the index, by tag or digest") },
  options: {
    ...connection,
    digests: list("--digest <digest>", "the image with this digest (may be repeated)"),
    platforms: list("--platform <os/arch[/variant]>", "every image for this platform (may be repeated)"),
    dryRun,
  },
  examples: [
    { about: "Leave a platform out", line: "berth index rm ocidir://images:v1 --platform linux/arm64" },
    {
      about: "See what the index would become without one image",
      line: "berth index rm localhost:5000/app:v1 --digest $(berth digest localhost:5000/app:v1 --platform linux/arm64) --dry-run",
    },
  ],
  writes: true,
  async run({ target }, options, context) {
    const wanted = {
      digests: options.digests.map(parseDigest),
      platforms: options.platforms.map(parsePlatformText),
    };
    if (wanted.digests.length + wanted.platforms.length === 0) {
      throw new OciError("USAGE", "Expected --digest or --platform", { hint: "List what is there: berth index ls" });
    }
    await using opened = await openLocated(target, options.dryRun ? "read" : "write", options, context);
    await changeIndex(opened, options.dryRun, context, async (index) => {
      const { removeEntries } = await import("../../../content/index-edit.ts");
      const { prepared, removed } = removeEntries(index, wanted);
      return { prepared, result: { removed } };
    });
  },
});
