import { OciError } from "../../error/oci-error.ts";
import type { Root } from "../../graph/plan.ts";
import { describeOpened, nameOf, type Opened } from "../../open/opened.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import { formatLocator } from "../../spec/locator.ts";
import { parseDigestTag } from "../../spec/referrer.ts";
import { DEFAULT_TAG } from "../../spec/reference.ts";
import type { CopyOptions } from "../../transfer/copy.ts";
import type { Summary } from "../../transfer/summary.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../connection.ts";
import type { Context } from "../context.ts";
import { formatBytes, formatCount } from "../format.ts";
import { keepNurserySmall } from "../nursery.ts";
import { flag, list, required } from "../option.ts";
import { printPlan } from "../plan-report.ts";
import { resolveManifest } from "../resolve.ts";
import { concurrency, dryRun, platform } from "../shared-options.ts";
import { style } from "../style.ts";

export const command: Command = defineCommand({
  about:
    "A copy is whole: the platforms of an index, and everything that hangs on each manifest (SBOMs, scans, signatures, and what hangs on those). Content comes before manifests, the tag last. Interrupted and run again it finishes: a blob that had arrived whole is not sent again. A target without a tag gets latest in a registry and the source's tag in a layout.",
  arguments: { source: required("SOURCE", "what to copy"), target: required("TARGET", "where to") },
  options: {
    ...connection,
    referrers: flag("--no-referrers", "leave behind what hangs on the manifests"),
    artifactTypes: list("--artifact-type <type>", "bring only referrers of this type (may be repeated)"),
    platform,
    allTags: flag("--all-tags", "copy every tag of the source, under its own name"),
    deep: flag("--deep", "ask the target for every node, also below manifests that it has"),
    concurrency,
    dryRun,
  },
  examples: [
    {
      about: "Bring an image and everything attached to it into a layout",
      line: "berth copy ghcr.io/org/app:v1 ocidir://images:v1",
    },
    { about: "See what a copy would move", line: "berth copy ocidir://images:v1 localhost:5000/app:v1 --dry-run" },
    {
      about: "One platform, with its SBOMs alone",
      line: "berth copy alpine:3.20 ./alpine:3.20 --platform linux/arm64 --artifact-type application/vnd.cyclonedx+json",
    },
  ],
  writes: true,
  async run({ source, target }, options, context) {
    const { signal, onEvent, out } = context;
    await refuseSharedCredentials([source, target], options, context);
    await using from = await openLocated(source, "read", options, context);
    const one = options.allTags ? undefined : await resolveManifest(from, options.platform, context);
    await using to = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    if (one) requireSame(to, one);
    const copyOptions: CopyOptions = {
      source: from.store,
      target: to.store,
      roots: one ? [{ descriptor: one, tags: await tagsFor(from, to, context) }] : await everyTag(from, context),
      referrers: options.referrers,
      ...(options.artifactTypes.length === 0 ? {} : { artifactTypes: options.artifactTypes }),
      deep: options.deep,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
      onEvent,
    };
    const { copy, planCopy } = await import("../../transfer/copy.ts");
    const ends = { source: describeOpened(from), target: describeOpened(to) };
    if (options.dryRun) {
      await printPlan(planCopy(copyOptions), ends, context);
      return;
    }
    keepNurserySmall();
    const summary = await copy(copyOptions);
    const key = one ? [style.bold(one.digest)] : [];
    out.result(
      { ...ends, ...(one ? { digest: one.digest } : {}), ...summary },
      () => [...key, summarise(summary, ends.target)],
      key,
    );
  },
});

/** Every tag with its descriptor; digest tags come along with what they speak of. */
async function everyTag(from: Opened, context: Context): Promise<Root[]> {
  const { signal } = context;
  const found: Root[] = [];
  for await (const { name, descriptor } of from.store.tags({ signal })) {
    if (parseDigestTag(name)) continue;
    found.push({ descriptor: descriptor ?? (await from.store.resolve({ tag: name }, { signal })), tags: [name] });
  }
  return found;
}

async function tagsFor(from: Opened, to: Opened, { signal }: Context): Promise<readonly string[]> {
  if (to.tag !== undefined) return [to.tag];
  if (to.digest !== undefined) return [];
  if (to.locator.medium === "registry") return [DEFAULT_TAG];
  if (from.tag !== undefined) return [from.tag];
  // What stands in no locator is still the source's tag: the only one of a layout.
  const name = await nameOf(from, { signal });
  return "tag" in name ? [name.tag] : [];
}

/** A digest written into the target is a promise about what arrives there. */
function requireSame(to: Opened, root: Descriptor): void {
  if (to.digest === undefined || to.digest === root.digest) return;
  throw new OciError("DIGEST_INVALID", `The target expects ${to.digest}, but the source is ${root.digest}`, {
    side: "target",
    reference: formatLocator(to.locator),
    digest: to.digest,
    hint: "Leave the digest out of the target, or name the source by that digest",
  });
}

function summarise(summary: Summary, target: string): string {
  const { push, mount, link, skip } = summary.nodes;
  const moved = push + mount + link;
  if (moved === 0 && summary.named.length === 0) {
    return `Nothing to copy: ${target} has all of it (${formatCount(skip, "node")}, ${formatBytes(summary.totalBytes)})`;
  }
  const ways = [...(mount > 0 ? [`${mount} mounted`] : []), ...(link > 0 ? [`${link} linked`] : [])];
  const detail = ways.length === 0 ? "" : ` (${ways.join(", ")})`;
  return `${moved} copied${detail}, ${skip} skipped, ${formatBytes(summary.pushedBytes)} sent to ${target}${wroteTags(summary.named)}`;
}

/** Named after a copy; more are only counted. */
const SHOWN_TAGS = 5;

function wroteTags(tags: readonly string[]): string {
  if (tags.length === 0) return "";
  const more = tags.length > SHOWN_TAGS ? ` and ${tags.length - SHOWN_TAGS} more` : "";
  return `; wrote the ${tags.length === 1 ? "tag" : "tags"} ${tags.slice(0, SHOWN_TAGS).join(", ")}${more}`;
}
