import { describeOpened } from "../../../open/opened.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { diffLines } from "../../diff-output.ts";
import { integer, required } from "../../option.ts";
import { resolveManifest } from "../../resolve.ts";
import { platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Compares two manifests as indented JSON and prints a unified diff; nothing where they say the same. They may lie anywhere: in one repository, or one in a registry and one in a layout.",
  arguments: { one: required("ONE", "a manifest by tag or digest"), other: required("OTHER", "another one") },
  options: { ...connection, platform, context: integer("--context <n>", "equal lines around a difference", 0, 1000) },
  examples: [
    { about: "What a release changed", line: "berth manifest diff ghcr.io/org/app:v1 ghcr.io/org/app:1.4.2" },
    {
      about: "Is the copy in the layout the same as in the registry, for one platform",
      line: "berth manifest diff ghcr.io/org/app:v1 ocidir://images:v1 --platform linux/amd64",
    },
  ],
  async run({ one, other }, options, context) {
    const { signal, out } = context;
    await refuseSharedCredentials([one, other], options, context);
    await using first = await openLocated(one, "read", options, context);
    await using second = await openLocated(other, "read", options, context);
    const sides = await Promise.all(
      [first, second].map(async (opened) => ({
        source: opened.store,
        descriptor: await resolveManifest(opened, options.platform, context),
        name: describeOpened(opened),
      })),
    );
    const [left, right] = sides;
    if (!left || !right) return;
    const { diffManifests } = await import("../../../content/diff-manifests.ts");
    const { same, diff } = await diffManifests(left, right, {
      signal,
      ...(options.context === undefined ? {} : { context: options.context }),
    });
    const named = sides.map(({ name, descriptor }) => ({ reference: name, digest: descriptor.digest }));
    out.result({ one: named[0], other: named[1], same, diff }, () => diffLines(diff));
    if (!same && diff === "") context.note("They say the same in other bytes");
  },
});
