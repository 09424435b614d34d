import { OciError } from "../error/oci-error.ts";
import type { Root } from "../graph/plan.ts";
import { describeOpened, type Opened } from "../open/opened.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { formatLocator, type Locator } from "../spec/locator.ts";
import { isIndexType } from "../spec/media-type.ts";
import { DEFAULT_TAG } from "../spec/reference.ts";
import type { Source } from "../store/store.ts";
import type { CopyOptions } from "../transfer/copy.ts";
import { openLocated, readLocator, refuseSharedCredentials } from "./connection.ts";
import type { Context } from "./context.ts";
import type { CopyValues } from "./copy-options.ts";
import type { CopyOutcome } from "./copy-report.ts";
import { type Selection, select } from "./copy-selection.ts";
import type { Judged } from "./judge-roots.ts";
import { printPlan } from "./plan-report.ts";

/** From where to where, as written. */
export interface CopyRequest {
  readonly source: string;
  /** One or more. */
  readonly targets: readonly string[];
}

/** Runs one copy, to all of its targets in one reading. Undefined after a dry run, which prints its plans. */
export async function runCopy(
  { source: written, targets }: CopyRequest,
  options: CopyValues,
  context: Context,
): Promise<CopyOutcome | undefined> {
  const { signal, onEvent } = context;
  await refuseSharedCredentials([written, ...targets], options, context);
  await using from = await openLocated(written, "read", options, context);
  await using selection = await select(from, options, context);
  // Before any target is opened: what is refused leaves no trace there.
  const judged = options.policy === undefined ? undefined : await judge(selection, targets, options, context);
  const source = judged?.source ?? selection.source;
  await using stack = new AsyncDisposableStack();
  const ends: { readonly opened: Opened; readonly roots: readonly Root[] }[] = [];
  for (const target of targets) {
    const opened = stack.use(await openLocated(target, options.dryRun ? "plan" : "create", options, context));
    const roots = rootsFor(opened, selection, options);
    ends.push({ opened, roots: await loadable(opened, roots, source, context) });
  }
  const { openExternal } = await import("../open/open-external.ts");
  const external = options.includeExternal ? stack.use(await openExternal(from.store.location, context)) : undefined;
  const common: Omit<CopyOptions, "target" | "roots"> = {
    source,
    referrers: options.referrers,
    ...(options.artifactTypes.length === 0 ? {} : { artifactTypes: options.artifactTypes }),
    ...(selection.without ? { without: selection.without } : {}),
    ...(external ? { external: external.fetch } : {}),
    deep: options.deep,
    explain: options.explain,
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    signal,
    onEvent,
  };
  const described = describeOpened(from);
  if (options.dryRun) {
    const { planCopy } = await import("../transfer/copy.ts");
    for (const { opened, roots } of ends) {
      const steps = planCopy({ ...common, target: opened.store, roots });
      await printPlan(steps, { source: described, target: describeOpened(opened) }, context, selection.left);
    }
    return undefined;
  }
  const [{ copyToAll }, { keepNurserySmall }] = await Promise.all([
    import("../transfer/copy-to-all.ts"),
    import("./nursery.ts"),
  ]);
  keepNurserySmall();
  const summaries = await copyToAll({
    ...common,
    targets: ends.map(({ opened, roots }) => ({ store: opened.store, roots })),
  });
  const [only] = selection.chosen;
  return {
    source: described,
    ...(only && !options.allTags ? { digest: only.descriptor.digest } : {}),
    targets: ends.flatMap(({ opened }, at) => {
      const summary = summaries[at];
      return summary ? [{ target: describeOpened(opened), ...summary }] : [];
    }),
    changes: selection.changes,
    left: selection.left,
    decisions: judged?.decisions ?? [],
  };
}

/** Has a policy judge all that would be copied, as what it would be at each target. @throws OciError REFUSED */
async function judge(
  { source, chosen }: Selection,
  targets: readonly string[],
  options: CopyValues,
  context: Context,
): Promise<Judged> {
  const { judgeRoots } = await import("./judge-roots.ts");
  const places = await Promise.all(
    targets.map(async (target) => {
      const locator = await readLocator(target, context);
      const to = endOf(locator);
      return {
        locator,
        roots: chosen.map(({ descriptor, tag }) => {
          const own = options.allTags ? (tag === undefined ? [] : [tag]) : tagsFor(to, tag);
          return { descriptor, tags: own };
        }),
      };
    }),
  );
  return judgeRoots({ source, places, policy: options.policy ?? "", as: options.as }, context);
}

/** What a locator says of a name, before anything is opened. */
function endOf(locator: Locator): TargetEnd {
  const { tag, digest } = locator.medium === "docker-archive" ? { tag: undefined, digest: undefined } : locator;
  return { locator, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

type TargetEnd = Pick<Opened, "locator" | "tag" | "digest">;

function rootsFor(to: Opened, { chosen }: Selection, { allTags }: CopyValues): readonly Root[] {
  return chosen.map(({ descriptor, tag }) => {
    const name = tag === undefined ? {} : { name: tag };
    if (allTags) return { descriptor, tags: tag === undefined ? [] : [tag], ...name };
    requireSame(to, descriptor);
    return { descriptor, tags: tagsFor(to, tag), ...name };
  });
}

/** Docker keeps the image of one platform: the others need not come. */
async function loadable(
  to: Opened,
  roots: readonly Root[],
  source: Pick<Source, "fetch">,
  { signal }: Context,
): Promise<readonly Root[]> {
  if (to.locator.medium !== "docker-archive") return roots;
  const { ownPlatform } = await import("./image-source.ts");
  const { selectPlatform } = await import("../graph/select.ts");
  return await Promise.all(
    roots.map(async (root) => {
      if (!isIndexType(root.descriptor.mediaType)) return root;
      return { ...root, descriptor: await selectPlatform(source, root.descriptor, ownPlatform(), { signal }) };
    }),
  );
}

function tagsFor(to: TargetEnd, tag: string | undefined): readonly string[] {
  if (to.tag !== undefined) return [to.tag];
  if (to.digest !== undefined) return [];
  if (to.locator.medium === "registry") return [DEFAULT_TAG];
  // What stands in no locator is still the source's tag: the only one of a layout.
  return tag === undefined ? [] : [tag];
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
