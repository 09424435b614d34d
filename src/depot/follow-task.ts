import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { importIndex } from "./follow-import.ts";
import { exportIndex } from "./follow-export.ts";
import { type FollowContext, openFollowed, stampOf } from "./follow-context.ts";

/** One piece of work on one repository. "import" with `add` also where the catalog does not know it yet. */
export type FollowTask =
  | { readonly type: "import"; readonly repository: string; readonly add: boolean }
  | { readonly type: "export"; readonly repository: string };

export interface FollowAnswer {
  /** There is more to export. */
  readonly more: boolean;
  /** Milliseconds for which it kept its thread busy. */
  readonly cost: number;
}

/** Does one piece of work; two on the same repository must not run at the same time. */
export async function runFollowTask(
  context: FollowContext,
  task: FollowTask,
  signal?: AbortSignal,
): Promise<FollowAnswer> {
  const before = performance.eventLoopUtilization();
  const more =
    task.type === "export" ? await exportTask(context, task, signal) : await importTask(context, task, signal);
  return { more, cost: performance.eventLoopUtilization(before).active };
}

async function exportTask(
  context: FollowContext,
  { repository }: FollowTask,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const layout = await openFollowed(context, repository);
  if (layout === undefined) return false;
  const { written, more, milliseconds } = await exportIndex(context, layout, signal);
  if (written) context.onEvent({ type: "index-written", repository, milliseconds });
  return more;
}

async function importTask(
  context: FollowContext,
  { repository, add }: Extract<FollowTask, { type: "import" }>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const layout = await openFollowed(context, repository, { add });
  // Others may have done it while this waited.
  if (layout === undefined) return false;
  if (stampOf(await context.disk.lstat(join(layout.path, "index.json"))) === layout.stamp) return false;
  const { tagsAdded, tagsMoved, manifestsAdded } = await importIndex(context, layout, { signal });
  const tags = tagsAdded + tagsMoved;
  if (tags + manifestsAdded > 0) {
    context.onEvent({ type: "layout-imported", repository, tags, manifests: manifestsAdded });
  }
  return false;
}
