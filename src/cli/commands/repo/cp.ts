import { describeOpened, type Opened } from "../../../open/opened.ts";
import { OciError } from "../../../error/oci-error.ts";
import type { Root } from "../../../graph/plan.ts";
import type { CopyOptions } from "../../../transfer/copy.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { formatBytes, formatCount } from "../../format.ts";
import { flag, required } from "../../option.ts";
import { printPlan } from "../../plan-report.ts";
import { concurrency, dryRun } from "../../shared-options.ts";
import { readTagFilter, tagFilters } from "../../tag-filters.ts";

export const command: Command = defineCommand({
  about:
    "Copies every tag under its own name, with the whole graph behind it: platforms, referrers, signatures. All tags are written at the end; what the target has already is not sent again, and nothing is removed from it.",
  arguments: { source: required("SOURCE", "a repository or layout"), target: required("TARGET", "another one") },
  options: {
    ...connection,
    ...tagFilters,
    newTags: flag("--new-tags", "only tags that the target does not have"),
    referrers: flag("--no-referrers", "leave behind what hangs on the manifests"),
    concurrency,
    dryRun,
  },
  examples: [
    { about: "A repository with all of its tags into a layout", line: "berth repo cp ghcr.io/org/app ocidir://images" },
    {
      about: "The releases alone, into another registry, and only to look",
      line: 'berth repo cp ocidir://images localhost:5000/app --include "v[0-9.]+" --exclude ".*-rc.*" --dry-run',
    },
  ],
  writes: true,
  async run({ source, target }, options, context) {
    const { signal, onEvent, out } = context;
    const filter = await readTagFilter(options);
    await refuseSharedCredentials([source, target], options, context);
    await using from = await openRepository(source, "read", options, context);
    await using to = await openRepository(target, options.dryRun ? "plan" : "create", options, context);
    const { repositoryRoots } = await import("../../../content/repository-roots.ts");
    const found = await repositoryRoots(from.store, { filter, signal });
    const roots = options.newTags ? await onlyNew(found, to, context) : found;
    const copyOptions: CopyOptions = {
      source: from.store,
      target: to.store,
      roots,
      referrers: options.referrers,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      signal,
      onEvent,
    };
    const { copy, planCopy } = await import("../../../transfer/copy.ts");
    const ends = { source: describeOpened(from), target: describeOpened(to) };
    if (options.dryRun) {
      await printPlan(planCopy(copyOptions), ends, context);
      return;
    }
    const { keepNurserySmall } = await import("../../nursery.ts");
    keepNurserySmall();
    const summary = await copy(copyOptions);
    const { push, mount, link, skip } = summary.nodes;
    const tags = roots.flatMap((root) => root.tags);
    const written = new Set(summary.named);
    const moved = tags.filter((tag) => written.has(tag)).length;
    out.result({ ...ends, tags, ...summary }, [
      `${formatCount(tags.length, "tag")}, ${moved} new or moved; ${push + mount + link} copied, ${skip} skipped, ${formatBytes(summary.pushedBytes)} sent to ${ends.target}`,
    ]);
  },
});

async function openRepository(...args: Parameters<typeof openLocated>): Promise<Opened> {
  const opened = await openLocated(...args);
  if (opened.tag === undefined && opened.digest === undefined) return opened;
  await opened[Symbol.asyncDispose]();
  const written = describeOpened(opened);
  throw new OciError("LOCATOR_INVALID", `Expected a repository without tag and digest, got ${written}`, {
    reference: written,
    hint: "One image is copied by berth copy",
  });
}

async function onlyNew(roots: readonly Root[], to: Opened, { signal }: Context): Promise<readonly Root[]> {
  const there = new Set<string>();
  try {
    for await (const { name } of to.store.tags({ signal })) there.add(name);
  } catch (error) {
    // A repository that is not there has no tags yet.
    if (!(error instanceof OciError) || error.code !== "NAME_UNKNOWN") throw error;
  }
  return roots.filter(({ tags }) => !tags.every((tag) => there.has(tag)));
}
