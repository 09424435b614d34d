import type { ContentStep, PathNode, Step } from "../graph/step.ts";
import { shortDigest } from "../spec/digest.ts";
import { formatPlatform } from "../spec/platform.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { LeftBehind } from "../transfer/convert.ts";
import type { Context } from "./context.ts";
import { formatBytes, formatCount } from "./format.ts";
import { style } from "./style.ts";

/** Where a plan leads from and to, as it is shown. */
export interface Ends {
  readonly source: string;
  readonly target: string;
}

/**
 * Prints a plan without running it: each step and why, then the totals.
 * @param left what stays with digests that change
 */
export async function printPlan(
  steps: AsyncIterable<Step>,
  ends: Ends,
  context: Context,
  left: readonly LeftBehind[] = [],
): Promise<void> {
  const { out } = context;
  const listed: unknown[] = [];
  const totals = { push: 0, mount: 0, link: 0, skip: 0, bytes: 0, tags: 0 };
  for await (const step of steps) {
    if (step.type === "content") {
      totals[step.action] += 1;
      if (step.action === "push") totals.bytes += step.descriptor.size;
    } else if (step.type === "names") {
      totals.tags += step.changes.length;
    }
    if (out.json) listed.push(stepJson(step));
    else for (const line of stepLines(step)) await out.line(line);
  }
  if (out.json) {
    const stays = left.map(({ subject, descriptor, via }) => ({
      subject: subject.digest,
      digest: descriptor.digest,
      via,
    }));
    out.result({ dryRun: true, ...ends, steps: listed, totals, ...(left.length === 0 ? {} : { left: stays }) }, []);
    return;
  }
  for (const { subject, descriptor, via } of left) {
    await out.line(
      `leave  ${via.padEnd(8)} ${shortDigest(descriptor.digest)}  it hangs on ${shortDigest(subject.digest)}`,
    );
  }
  const moved = totals.push + totals.mount + totals.link;
  await out.line(
    moved === 0 && totals.tags === 0
      ? `Nothing would be copied: ${ends.target} has all of it`
      : `Would copy ${moved}, skip ${totals.skip}, send ${formatBytes(totals.bytes)}, write ${formatCount(totals.tags, "tag")}`,
  );
}

/** A step for programs. */
export function stepJson(step: Step): unknown {
  switch (step.type) {
    case "content": {
      const { type, action, kind, role, why, descriptor, subject, external, path } = step;
      return {
        type,
        action,
        kind,
        role,
        why,
        descriptor,
        ...(subject === undefined ? {} : { subject: subject.digest }),
        ...(external === undefined ? {} : { external }),
        ...(path === undefined ? {} : { path }),
      };
    }
    case "referrers":
      return {
        type: step.type,
        subject: step.subject.digest,
        referrers: step.referrers.map((referrer) => referrer.digest),
      };
    case "names":
      return {
        type: step.type,
        tags: step.changes.map(({ tag, to }) => ({ tag, digest: to?.digest ?? null })),
        unchanged: step.unchanged,
      };
  }
}

/** A step for people. */
export function stepLines(step: Step): readonly string[] {
  switch (step.type) {
    case "content":
      return step.path
        ? [contentLine(step), `       ${style.dim(step.path.map(station).join(" → "))}`]
        : [contentLine(step)];
    case "referrers":
      return [`list   ${formatCount(step.referrers.length, "referrer")} of ${shortDigest(step.subject.digest)}`];
    case "names":
      return [
        ...step.changes.map(({ tag, to }) => `tag    ${tag} → ${to === null ? "removed" : shortDigest(to.digest)}`),
        ...step.unchanged.map((tag) => `keep   ${tag} (it is right already)`),
      ];
  }
}

function contentLine(step: ContentStep): string {
  const action = step.action.padEnd(6);
  const shown = step.action === "skip" ? style.dim(action) : style.green(action);
  const size = formatBytes(step.descriptor.size).padStart(10);
  return `${shown} ${step.role.padEnd(8)} ${shortDigest(step.descriptor.digest)} ${size}  ${step.why}`;
}

/** One station of the way from a tag to a node. */
function station({ role, mediaType, digest, tags, platform, artifactType, via, tag }: PathNode): string {
  const short = shortDigest(digest);
  const name = isIndexType(mediaType) ? "index" : "manifest";
  switch (role) {
    case "root":
      return tags?.[0] === undefined ? `${name} ${short}` : `tag ${tags.join(", ")} → ${name} ${short}`;
    case "referrer": {
      const how = tag ?? `by ${via}`;
      return `referrer ${short} (${artifactType === undefined ? how : `${artifactType}, ${how}`})`;
    }
    case "child":
      return platform ? `${name} ${formatPlatform(platform)} ${short}` : `${name} ${short}`;
    default:
      return `${role} ${short}`;
  }
}
