import { OciError } from "../../error/oci-error.ts";
import type { Root } from "../../graph/plan.ts";
import { describeOpened, nameOf, type Opened } from "../../open/opened.ts";
import type { ArchiveLocator } from "../../spec/locator.ts";
import { parseDigestTag } from "../../spec/referrer.ts";
import { DEFAULT_TAG } from "../../spec/reference.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated, openParsed } from "../connection.ts";
import type { Context } from "../context.ts";
import { formatBytes } from "../format.ts";
import { required, text } from "../option.ts";
import { printPlan } from "../plan-report.ts";
import { resolveManifest } from "../resolve.ts";
import { dryRun, platform } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Brings what is in a tar into a registry, a layout or another archive: what docker save, podman save and crane pull write, layouts in a tar, and what docker buildx build --output type=oci writes, compressed or not. Which of them it is, is told by its content. A file of several images brings them all, each under its own tag, unless --name says which.",
  arguments: {
    file: required("FILE", "the tar to read, - for standard input"),
    target: required("TARGET", "where to; without a tag, the file's"),
  },
  options: {
    ...connection,
    name: text("--name <name[:tag]>", "the one image to bring, by the name or the tag it has in the file"),
    platform,
    dryRun,
  },
  examples: [
    { about: "Push what Docker saved", line: "docker save app:v1 | berth import - localhost:5000/app:v1" },
    {
      about: "Keep a build of buildx in a layout, and attach to it there",
      line: "berth import build.tar ocidir://images:v1",
    },
  ],
  writes: true,
  async run({ file, target }, options, context) {
    const { signal, onEvent, out } = context;
    const { name } = options;
    const locator: ArchiveLocator = { medium: "archive", path: file, ...(name === undefined ? {} : { tag: name }) };
    await using from = await openParsed(locator, { mode: "read" }, options, context);
    await using to = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    const roots = await rootsOf(from, to, options.platform, context);
    const copying = { source: from.store, target: to.store, roots, signal, onEvent };
    const { copy, planCopy } = await import("../../transfer/copy.ts");
    const ends = { source: describeOpened(from), target: describeOpened(to) };
    if (options.dryRun) return await printPlan(planCopy(copying), ends, context);
    const summary = await copy(copying);
    const images = roots.map(({ descriptor, tags }) => ({ digest: descriptor.digest, tags }));
    const { push, mount, link, skip } = summary.nodes;
    const digests = images.map(({ digest }) => digest);
    out.result(
      { ...ends, images, ...summary },
      [
        ...digests,
        `${push + mount + link} copied, ${skip} skipped, ${formatBytes(summary.pushedBytes)} sent to ${ends.target}`,
      ],
      digests,
    );
  },
});

/** One image with the target's tag, or all that there are with their own. */
async function rootsOf(
  from: Opened,
  to: Opened,
  wanted: string | undefined,
  context: Context,
): Promise<readonly Root[]> {
  const { signal } = context;
  const found: string[] = [];
  if (from.tag === undefined && from.digest === undefined) {
    for await (const { name } of from.store.tags({ signal })) if (!parseDigestTag(name)) found.push(name);
  }
  if (found.length < 2) {
    const descriptor = await resolveManifest(from, wanted, context);
    if (to.tag !== undefined) return [{ descriptor, tags: [to.tag] }];
    const name = await nameOf(from, { signal });
    if ("tag" in name) return [{ descriptor, tags: [name.tag] }];
    return [{ descriptor, tags: to.locator.medium === "registry" ? [DEFAULT_TAG] : [] }];
  }
  if (to.tag !== undefined || wanted !== undefined) {
    throw new OciError("USAGE", `There are ${found.length} images in ${describeOpened(from)}: say which one`, {
      hint: `Add --name with one of: ${found.slice(0, 10).join(", ")}; or leave tag and platform out to bring all`,
    });
  }
  return await Promise.all(
    found.map(async (tag) => ({ descriptor: await from.store.resolve({ tag }, { signal }), tags: [tag] })),
  );
}
