import type { ReferrerChoice } from "../../artifact/arrange.ts";
import type { DiscoveredNode } from "../../artifact/discover.ts";
import { OciError } from "../../error/oci-error.ts";
import { describeOpened } from "../../open/opened.ts";
import { type Command, defineCommand } from "../command.ts";
import { annotationMatches, readAnnotationMatch } from "../annotation-match.ts";
import { Limits } from "../../spec/limits.ts";
import { connection, openLocated } from "../connection.ts";
import { drawTree, speaksUnicode } from "../discovered-tree.ts";
import { choice, flag, integer, type OptionValues, required } from "../option.ts";
import { purlWriter, resolveManifest } from "../resolve.ts";
import { artifactType, concurrency, platform } from "../shared-options.ts";

/** Which referrers are shown, and in which order. */
const chosen = {
  artifactType,
  annotation: annotationMatches,
  sort: choice("--sort <key>", "the order of the referrers of each manifest", ["created", "size", "type"]),
  desc: flag("--desc", "the other way round: the newest, the largest first"),
  top: integer("--top <n>", "of each manifest only the first referrers", 1, Limits.referrers),
};

export const command: Command = defineCommand({
  about:
    "Shows what hangs on an image or artifact: SBOMs, scans, signatures, and what hangs on those; for an index also its platforms, each with its own. It finds referrers of the registry's API and of the fallback tag, untagged entries of a layout, and digest tags such as cosign's.",
  arguments: { subject: required("SUBJECT", "what to look at") },
  options: {
    ...connection,
    ...chosen,
    depth: integer("--depth <n>", "how many levels of referrers; 0 for none", 0, 100),
    platform,
    concurrency,
  },
  examples: [
    { about: "See the whole graph of an image in a layout", line: "berth discover ocidir://images:v1" },
    {
      about: "List the digests of the SBOMs alone",
      line: "berth discover ghcr.io/org/app:v1 --artifact-type application/vnd.cyclonedx+json --json | jq -r '.. | .referrers? // [] | .[].digest'",
    },
    {
      about: "The newest scan of an image and of each of its platforms",
      line: "berth discover ghcr.io/org/app:v1 --artifact-type application/sarif+json --sort created --desc --top 1",
    },
    {
      about: "Only what one tool made",
      line: "berth discover ocidir://images:v1 --annotation org.example.tool=syft --annotation org.example.checked",
    },
  ],
  async run({ subject }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(subject, "read", options, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const { discover } = await import("../../artifact/discover.ts");
    const root = await discover({
      source: opened.store,
      subject: descriptor,
      ...readChoice(options),
      ...(options.depth === undefined ? {} : { depth: options.depth }),
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
    });
    const reference = describeOpened(opened);
    if (out.json) out.result({ reference, ...toJson(root, await purlWriter(opened), opened.tag) }, []);
    else out.result(undefined, drawTree(root, reference, speaksUnicode(context.env)));
  },
});

/** @throws OciError USAGE */
function readChoice({ artifactType: type, annotation, sort, desc, top }: OptionValues<typeof chosen>): ReferrerChoice {
  if (desc && sort === undefined) {
    throw new OciError("USAGE", "Expected --sort beside --desc", { hint: "For example: --sort created --desc" });
  }
  return {
    ...(type === undefined ? {} : { artifactType: type }),
    annotations: annotation.map(readAnnotationMatch),
    ...(sort === undefined ? {} : { sort, descending: desc }),
    ...(top === undefined ? {} : { top }),
  };
}

/** A node with its descriptor's fields beside the others. */
function toJson(
  { descriptor, children, referrers, ...rest }: DiscoveredNode,
  purl: Awaited<ReturnType<typeof purlWriter>>,
  tag?: string,
): Record<string, unknown> {
  const { digest, mediaType, size } = descriptor;
  const [below, above] = [children, referrers].map((nodes) => nodes.map((node) => toJson(node, purl)));
  return { digest, mediaType, size, ...purl(digest, tag), ...rest, children: below, referrers: above };
}
