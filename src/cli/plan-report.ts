import type { ContentStep, Step } from "../graph/step.ts";
import { shortDigest } from "../spec/digest.ts";
import type { Context } from "./context.ts";
import { formatBytes, formatCount } from "./format.ts";
import { style } from "./style.ts";

/** Where a plan leads from and to, as it is shown. */
export interface Ends {
  readonly source: string;
  readonly target: string;
}

/** Prints a plan without running it: each step and why, then the totals. */
export async function printPlan(steps: AsyncIterable<Step>, ends: Ends, context: Context): Promise<void> {
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
    if (out.json) listed.push(toJson(step));
    else for (const line of toLines(step)) await out.line(line);
  }
  if (out.json) {
    out.result({ dryRun: true, ...ends, steps: listed, totals }, []);
    return;
  }
  const moved = totals.push + totals.mount + totals.link;
  await out.line(
    moved === 0 && totals.tags === 0
      ? `Nothing would be copied: ${ends.target} has all of it`
      : `Would copy ${moved}, skip ${totals.skip}, send ${formatBytes(totals.bytes)}, write ${formatCount(totals.tags, "tag")}`,
  );
}

function toJson(step: Step): unknown {
  switch (step.type) {
    case "content": {
      const { type, action, kind, role, why, descriptor, subject } = step;
      return {
        type,
        action,
        kind,
        role,
        why,
        descriptor,
        ...(subject === undefined ? {} : { subject: subject.digest }),
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

function toLines(step: Step): readonly string[] {
  switch (step.type) {
    case "content":
      return [contentLine(step)];
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
