import { shortDigest } from "../spec/digest.ts";
import type { Changed, LeftBehind } from "../transfer/convert.ts";
import type { ExternalLayer, Summary } from "../transfer/summary.ts";
import type { NamedDecision } from "./policy-report.ts";
import { formatBytes, formatCount } from "./format.ts";

/** What one copy came to. */
export interface CopyOutcome {
  readonly source: string;
  /** Of a copy of one manifest: what arrived. */
  readonly digest?: string;
  readonly targets: readonly (Summary & { readonly target: string })[];
  readonly changes: readonly Changed[];
  readonly left: readonly LeftBehind[];
  /** What a policy said of it, for each target. */
  readonly decisions: readonly NamedDecision[];
}

/** The outcome for programs: of one target all at the top, of several a list. */
export function copyResult({ source, digest, targets, changes, left, decisions }: CopyOutcome): object {
  const [first] = targets;
  const converted = {
    ...(decisions.length === 0 ? {} : { decisions }),
    ...(changes.length === 0
      ? {}
      : { changes: changes.map(({ from, to }) => ({ from: from.digest, to: to.digest, mediaType: to.mediaType })) }),
    ...(left.length === 0
      ? {}
      : {
          left: left.map(({ subject, descriptor, via, tag }) => ({
            subject: subject.digest,
            digest: descriptor.digest,
            artifactType: descriptor.artifactType,
            via,
            tag,
          })),
        }),
  };
  const head = { source, ...(digest === undefined ? {} : { digest }) };
  if (first && targets.length === 1) {
    const { target, ...summary } = first;
    return { source, target, ...(digest === undefined ? {} : { digest }), ...summary, ...converted };
  }
  return { ...head, targets, ...converted };
}

/** The outcome for people, without the digest. */
export function copyLines({ targets, left, decisions }: CopyOutcome): readonly string[] {
  const external = targets[0]?.external ?? [];
  return [
    ...targets.map((summary) => summarise(summary, summary.target)),
    ...external.map(externalLine),
    ...left.map(leftLine),
    ...decisions.map(({ reference, policy }) => `allowed as ${reference} by the policy ${shortDigest(policy)}`),
  ];
}

function externalLine({ descriptor, urls, outcome }: ExternalLayer): string {
  const from = urls.length === 0 ? "" : `, found at ${urls.join(" ")}`;
  return `external layer ${shortDigest(descriptor.digest)} ${formatBytes(descriptor.size)}: ${outcome}${from}`;
}

function leftLine({ subject, descriptor, via, tag }: LeftBehind): string {
  const what = descriptor.artifactType ?? tag ?? via;
  return `left with ${shortDigest(subject.digest)}: ${descriptor.digest} (${what})`;
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
